// node tests/browser/picture.mjs: makes docs/dashboard.png and
// docs/dashboard-phone.png, of a pipeline that has been busy for a while.

import {join} from 'node:path';
import {Browser, DESK, PHONE} from './browser.mjs';
import {Pipeline, TREE, until} from './pipeline.mjs';

const BUSY_MS = 70000;
const EVERY_MS = 12;

// Some hundred orders a second that come and go, of users who can pay, and of
// some who can't.
function orders(now) {
  const count = Math.round(5 + 3 * Math.sin(now / 9000) +
    Math.sin(now / 1700) + Math.random());
  return Array.from({length: count}, () => JSON.stringify({
    userId: Math.random() < 0.06 ? 1 : 10 + Math.floor(40 * Math.random()),
    productId: 1 + Math.floor(3 * Math.random()),
    quantity: Math.random() < 0.2 ? 2 : 1})).join('\n');
}

async function load(pipeline, state) {
  const begun = Date.now();
  while (!state.stop) {
    await pipeline.ask('POST', '/orders', orders(Date.now() - begun),
      'application/x-ndjson');
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}

async function picture(pipeline, settings, name) {
  const browser = await new Browser().open(settings);
  const page = await browser.page(`${pipeline.url}/`);
  const begun = Date.now();
  await until(() => Date.now() - begun > BUSY_MS, 'a while', 2 * BUSY_MS);
  await page.getByLabel('User', {exact: true}).fill('12');
  await page.getByRole('button', {name: 'Place order'}).click();
  await page.getByText(/^Order \d+ (completed|failed)/).waitFor();
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.mouse.move(0, 0);
  await page.screenshot({path: join(TREE, 'docs', name)});
  await browser.close();
}

const pipeline = new Pipeline().start();
const state = {stop: false};
try {
  for (let user = 10; user < 50; user++) {
    await pipeline.ask('POST', '/users', {userId: user, balance: 9e9});
  }
  const busy = load(pipeline, state);
  await Promise.all([picture(pipeline, DESK, 'dashboard.png'),
    picture(pipeline, PHONE, 'dashboard-phone.png')]);
  state.stop = true;
  await busy;
} finally {
  pipeline.close();
}
