// The dashboard while 100,000 orders a minute go by.

import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {Browser} from './browser.mjs';
import {Pipeline, TREE, until} from './pipeline.mjs';

const SHOTS = join(TREE, 'build/screenshots');
const PER_MINUTE = 100000;
const EVERY_MS = 100;
const ORDERS = `{"userId":9,"productId":1}\n`.repeat(
  Math.ceil(PER_MINUTE / 60000 * EVERY_MS));

let pipeline;
let browser;
const load = {stop: false, sent: 0};

// Placed in bunches, each as long after the one before as the rate says.
async function run() {
  let next = Date.now();
  while (!load.stop) {
    await pipeline.ask('POST', '/orders', ORDERS, 'application/x-ndjson');
    load.sent += ORDERS.split('\n').length - 1;
    next += EVERY_MS;
    await new Promise((done) => setTimeout(done, next - Date.now()));
  }
}

before(async () => {
  mkdirSync(SHOTS, {recursive: true});
  pipeline = new Pipeline().start();
  await pipeline.ask('POST', '/users', {userId: 9, balance: 9e10});
  browser = await new Browser().open();
});

after(async () => {
  load.stop = true;
  await load.running;
  await browser?.close();
  pipeline?.close();
});

test('100,000 orders a minute go by, and the page stays usable', async () => {
  const page = await browser.page(`${pipeline.url}/#/`);
  await page.locator('.process[data-state=up]').first().waitFor();
  load.running = run();
  await until(() => load.sent >= 3 * PER_MINUTE / 60, 'three seconds of load');
  await page.locator('.figure', {hasText: 'Completed'})
    .getByText(/^\d,\d{3} in all|^\d\d,\d{3} in all/).waitFor();
  // It still takes orders, shows them end, and holds still when told to.
  await page.getByLabel('User', {exact: true}).fill('5');
  await page.getByRole('button', {name: 'Place order'}).click();
  await page.getByText(/^Order [\d]+ completed in /).waitFor();
  await page.screenshot({path: join(SHOTS, 'load.png')});
  await page.getByRole('button', {name: 'Pause'}).click();
  await page.locator('.feed-note').getByText('paused').waitFor();
  const first = page.locator('.orders li .id').first();
  const held = await first.textContent();
  const sent = load.sent;
  await until(() => load.sent > sent + 2000, 'more orders');
  assert.equal(await first.textContent(), held);
  await page.getByRole('button', {name: 'Resume'}).click();
  await until(async () => await first.textContent() !== held, 'new rows');
  assert.ok(await page.locator('.orders li').count() <= 16);
  await page.getByRole('link', {name: 'Orders', exact: true}).click();
  await page.locator('.orders li').nth(40).waitFor();
  assert.ok(await page.locator('.orders li').count() <= 50);
  load.stop = true;
  await load.running;
  await until(async () =>
    (await pipeline.get('/status')).orders.open === 0, 'the end of all', 60000);
  assert.deepEqual(page.faults, []);
});
