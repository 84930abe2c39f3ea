// The page /docs in a real browser: the description is shown, and can be tried.

import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {Browser} from './browser.mjs';
import {Pipeline, TREE} from './pipeline.mjs';

const SHOTS = join(TREE, 'build/screenshots');

let pipeline;
let browser;

before(async () => {
  mkdirSync(SHOTS, {recursive: true});
  pipeline = new Pipeline().start();
  browser = await new Browser().open();
});

after(async () => {
  await browser?.close();
  pipeline?.close();
});

test('an order is placed from the page, as its example says', async () => {
  const page = await browser.page(`${pipeline.url}/docs`);
  const place = page.locator('#operations-orders-placeOrder');
  await place.getByRole('button', {name: /Place an order/}).first().click();
  await place.getByRole('button', {name: 'Execute'}).click();
  const answer = place.locator('.live-responses-table .response').first();
  await answer.getByText('"ORDER_CREATED"').waitFor();
  assert.match(await answer.innerText(), /^201/);
  // Again is another order: no example has become an Idempotency-Key.
  await place.getByRole('button', {name: 'Execute'}).click();
  await answer.getByText('"id": 2').waitFor();
  await page.screenshot({path: join(SHOTS, 'docs.png')});
  // Nothing refused by the policy, and nothing asked of anybody else.
  assert.deepEqual(page.faults, []);
  await page.close();
});

test('every operation of the description is on the page', async () => {
  const page = await browser.page(`${pipeline.url}/docs`);
  await page.locator('.opblock').first().waitFor();
  const description = await (await fetch(`${pipeline.url}/openapi.json`))
    .json();
  const count = Object.values(description.paths).flatMap((item) =>
    Object.keys(item).filter((name) => name !== 'parameters')).length;
  assert.equal(await page.locator('.opblock').count(), count);
  assert.deepEqual(page.faults, []);
  await page.close();
});
