// The dashboard in a real browser, over a real pipeline.  Screenshots go to
// build/screenshots.

import assert from 'node:assert/strict';
import {mkdirSync, readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {Browser, PHONE} from './browser.mjs';
import {Pipeline, TREE, freePort, until} from './pipeline.mjs';

const SHOTS = join(TREE, 'build/screenshots');
const AXE = readFileSync(createRequire(import.meta.url)
  .resolve('axe-core/axe.min.js'), 'utf8');
const PAGES = ['#/', '#/orders', '#/orders/1', '#/accounts', '#/transactions',
  '#/parked', '#/catalogue'];
// Says that a page has loaded what it shows.
const LOADED = '#main :is(.orders li, tbody tr, .timeline li, .lead ~ .panel)';

let pipeline;
let browser;

before(async () => {
  mkdirSync(SHOTS, {recursive: true});
  pipeline = new Pipeline({http: `127.0.0.1:${await freePort()}`}).start();
  browser = await new Browser().open();
});

after(async () => {
  await browser?.close();
  pipeline?.close();
});

function open(hash = '#/') {
  return browser.page(`${pipeline.url}/${hash}`);
}

async function done(page) {
  assert.deepEqual(page.faults, []);
  await page.close();
}

function shot(page, name, more) {
  return page.screenshot({path: join(SHOTS, `${name}.png`), ...more});
}

async function place(page, user, product) {
  await page.getByLabel('User', {exact: true}).fill(String(user));
  await page.getByLabel('Product').selectOption(String(product));
  await page.getByRole('button', {name: 'Place order'}).click();
}

test('an order is placed and seen to complete', async () => {
  const page = await open();
  await page.getByText('No order yet').waitFor();
  await page.locator('.pipeline.wide .process[data-state=up]').nth(2).waitFor();
  await shot(page, 'overview-empty');
  await place(page, 1, 1);
  await page.getByText(/^Order 1 completed in /).waitFor();
  const row = page.locator('.orders li', {hasText: '#1'});
  await row.getByText('Completed').waitFor();
  await page.locator('.figure', {hasText: 'Completed'})
    .getByText('1 in all').waitFor();
  await page.locator('.feed-note').getByText('live').waitFor();
  await page.getByText('Every process, topic and consumer').click();
  await page.locator('tr', {hasText: /^ledgerpayments\/0/}).waitFor();
  await page.locator('tr', {hasText: /^brokerup\d+/}).waitFor();
  await accessible(page, 'overview with tables');
  await shot(page, 'overview-placed', {fullPage: true});
  await done(page);
});

test('a refusal is told in words', async () => {
  const page = await open();
  await place(page, 77, 2);
  const told = page.getByText(/^Order \d+ failed: unknown user/);
  const id = /\d+/.exec(await told.textContent())[0];
  await page.getByRole('link', {name: `Order ${id}`}).click();
  await page.getByText('No account was opened for this user.').waitFor();
  assert.match(page.url(), new RegExp(`#/orders/${id}$`));
  assert.equal(await page.title(), `Order ${id} – sagapipe`);
  await shot(page, 'order-refused');
  await done(page);
});

test('an order is cancelled, and what was paid comes back', async () => {
  const {id} = await pipeline.completed();
  const page = await open(`#/orders/${id}`);
  await page.locator('.step').nth(3).waitFor();
  await shot(page, 'order-completed');
  await page.getByRole('button', {name: 'Cancel order'}).click();
  await shot(page, 'order-cancel');
  await page.getByRole('button', {name: 'No, leave it'}).click();
  await page.getByRole('button', {name: 'Cancel order'}).click();
  await page.getByRole('button', {name: 'Cancel the order'}).click();
  await page.locator('h1 + .pill').getByText('Cancelled').waitFor();
  await page.getByText('Payment gave the money back').waitFor();
  await page.getByText('The ledger reversed the transaction').waitFor();
  assert.equal(await page.locator('[data-tone=missing]').count(), 0);
  await shot(page, 'order-cancelled');
  await done(page);
});

test('a parked order is followed and redriven', async () => {
  const last = await pipeline.completed();
  const id = last.id + 1;
  // The ledger's word on an order that is placed only afterwards.
  pipeline.tell({orderId: id, userId: 3, price: 5000,
    transactionId: last.transactionId + 1});
  await until(async () => (await pipeline.get('/parked')).length === 1,
    'the parked event');
  assert.equal(await pipeline.placed(3, 1), id);
  await until(async () => (await pipeline.get('/parked')).length === 3,
    'what waits behind it');
  const page = await open(`#/orders/${id}`);
  await page.getByText('An event of this order is parked', {exact: true})
    .waitFor();
  await page.locator('#parked-count').getByText('3').waitFor();
  await shot(page, 'order-parked');
  await page.getByRole('link', {name: 'All parked events'}).click();
  await page.locator('.parked').nth(2).waitFor();
  await shot(page, 'parked');
  await page.getByRole('button', {name: 'Try gateway 1 again'}).click();
  await page.getByText('Nothing is parked.').waitFor();
  await page.goBack();
  await page.locator('h1 + .pill').getByText('Completed').waitFor();
  assert.equal((await pipeline.ended(id)).status, 'ORDER_COMPLETED');
  await done(page);
});

test('an event that is refused again is told and dropped', async () => {
  const {id} = await pipeline.completed();
  pipeline.tell({orderId: id, userId: 5, price: 5000, transactionId: 999});
  const page = await browser.page(`${pipeline.url}/#/parked`, /status of 409/);
  await page.getByRole('button', {name: /^Try gateway/}).click();
  await page.getByRole('alert').getByText(/refused/i).waitFor();
  await page.getByRole('button', {name: /^Drop gateway/}).click();
  await page.getByRole('button', {name: 'Drop it'}).click();
  await page.getByText('Nothing is parked.').waitFor();
  await done(page);
});

test('a process that hangs is shown, and what waits for it', async () => {
  pipeline.signal('payment', 'SIGSTOP');
  try {
    const id = await pipeline.placed(2, 1);
    const page = await open(`#/orders/${id}`);
    await page.getByText('payment is silent. It goes on when it is back.')
      .waitFor();
    await page.getByRole('alert').getByText('payment is silent').waitFor();
    await shot(page, 'order-waits');
    await page.getByRole('link', {name: 'Overview'}).click();
    const drawn = page.locator('.wide .process[data-state=silent]');
    await drawn.getByText('payment').waitFor();
    await drawn.getByText('is silent').waitFor();
    await drawn.getByText(/^heard of [\d.]+ s ago$/).waitFor();
    await page.locator('.figure', {hasText: 'oldest'}).waitFor();
    await shot(page, 'overview-silent');
    pipeline.signal('payment', 'SIGCONT');
    await page.locator('.wide .process[data-state=silent]')
      .waitFor({state: 'detached'});
    await page.getByRole('alert').waitFor({state: 'hidden'});
    await pipeline.ended(id);
    await done(page);
  } finally {
    pipeline.signal('payment', 'SIGCONT');
  }
});

test('a broker that hangs is silent, and so is all behind it', async () => {
  pipeline.signal('broker', 'SIGSTOP');
  try {
    const page = await open();
    await page.locator('.wide .broker[data-state=silent]')
      .getByText('broker is silent').waitFor();
    const banner = page.getByRole('alert').getByText('The broker is silent. ' +
      'Orders are still accepted, and wait on disk.');
    await banner.waitFor();
    const id = await pipeline.placed(2, 1);
    await page.goto(`${pipeline.url}/#/orders/${id}`);
    await page.getByText('The broker is silent: the event waits on disk.')
      .waitFor();
    pipeline.signal('broker', 'SIGCONT');
    await page.locator('h1 + .pill').getByText('Completed').waitFor();
    await banner.waitFor({state: 'hidden'});
    await done(page);
  } finally {
    pipeline.signal('broker', 'SIGCONT');
  }
});

test('the page goes on when the gateway was killed', async () => {
  const page = await browser.page(`${pipeline.url}/`, /net::ERR|status of 503/);
  const live = page.locator('.feed-note').getByText('live');
  await live.waitFor();
  const old = pipeline.signal('gateway', 'SIGKILL');
  await until(() => pipeline.pid('gateway') !== old, 'another gateway');
  await until(() => fetch(`${pipeline.url}/readyz`).then((r) => r.ok,
    () => false), 'the gateway is ready');
  const id = await pipeline.placed(4, 1);
  await page.locator('.orders li', {hasText: `#${id}`}).getByText('Completed')
    .waitFor();
  await live.waitFor();
  await page.getByText('all up').waitFor();
  await page.locator('.wide .process').getByText(/ · 1 restart$/).waitFor();
  await done(page);
});

test('accounts are opened, given credit and frozen', async () => {
  const page = await open('#/accounts');
  await page.locator('#open-user').fill('6');
  await page.locator('#open-balance').fill('12.50');
  await page.getByRole('button', {name: 'Open', exact: true}).click();
  const row = page.locator('tr', {hasText: /^6/});
  await row.getByText('12.50').waitFor();
  await page.getByRole('button', {name: 'Give credit to user 6'}).click();
  await page.keyboard.type('7.25');
  await page.keyboard.press('Enter');
  await row.getByText('19.75').waitFor();
  await page.getByRole('button', {name: 'Freeze user 6'}).click();
  await row.getByText('Frozen').waitFor();
  await page.getByRole('button', {name: 'Thaw user 6'}).click();
  await row.getByText('Active').waitFor();
  await shot(page, 'accounts');
  await done(page);
});

test('a price is changed, and orders keep theirs', async () => {
  const id = await pipeline.placed(77, 2);
  const page = await open('#/catalogue');
  await page.getByRole('button', {name: 'Change the price of product 2'})
    .click();
  await page.keyboard.type('80.25');
  await page.keyboard.press('Enter');
  await page.getByText('Product 2 costs 80.25 from now on.').waitFor();
  await page.locator('tr', {hasText: /^2/}).getByText('80.25').waitFor();
  await shot(page, 'catalogue');
  await page.goto(`${pipeline.url}/#/orders/${id}`);
  await page.locator('.fact', {hasText: 'Price'}).getByText('75.00').waitFor();
  await done(page);
});

test('an order shows the trace that it came with', async () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const response = await fetch(`${pipeline.url}/orders`, {method: 'POST',
    body: '{"userId":5,"productId":1}', headers: {
      'Content-Type': 'application/json',
      traceparent: `00-${trace}-00f067aa0ba902b7-01`}});
  const page = await open(`#${response.headers.get('location')}`);
  await page.locator('.fact', {hasText: 'Trace'}).getByText(trace).waitFor();
  await done(page);
});

test('lists are filtered, and lead on to one another', async () => {
  const {id, transactionId} = await pipeline.completed();
  await pipeline.completed();
  const failed = await pipeline.ended(await pipeline.placed(77, 2));
  await pipeline.cancelled(id);
  const page = await open('#/orders');
  await page.getByLabel('State').selectOption('Failed');
  await page.locator('.orders li', {hasText: `#${failed.id}`}).waitFor();
  assert.match(page.url(), /status=ORDER_FAILED/);
  assert.equal(await page.locator('.orders li').count(),
    (await pipeline.get('/orders?status=ORDER_FAILED')).length);
  await page.getByLabel('Order', {exact: true}).fill(String(id));
  await page.keyboard.press('Enter');
  await page.getByRole('link', {name: `#${transactionId}`, exact: true})
    .click();
  await page.locator('tr', {hasText: 'Reversed'})
    .getByText(`#${id}`, {exact: true}).last().waitFor();
  await page.getByRole('link', {name: 'Show all'}).click();
  await page.locator('tbody tr').nth(1).waitFor();
  await page.goto(`${pipeline.url}/#/orders/4711`);
  await page.getByText('There is no order 4711.').waitFor();
  page.faults = page.faults.filter((fault) => !/status of 404/.test(fault));
  await done(page);
});

test('everything is reached by keyboard', async () => {
  await pipeline.completed();
  const page = await open();
  await page.locator('.orders li').first().waitFor();
  await page.keyboard.press('Tab');
  const skip = page.getByRole('link', {name: 'Skip to the content'});
  assert.ok(await skip.evaluate((node) => node === document.activeElement));
  await shot(page, 'keyboard-skip');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.tagName),
    'SUMMARY');
  await page.keyboard.press('Tab');
  const user = page.getByLabel('User', {exact: true});
  assert.ok(await user.evaluate((node) => node === document.activeElement));
  assert.equal(await user.evaluate((node) =>
    getComputedStyle(node).outlineStyle), 'solid');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('4');
  await page.keyboard.press('Enter');
  await page.getByText(/^Order \d+ completed in /).waitFor();
  await page.keyboard.press('Shift+Tab');
  await page.locator('#pause').focus();
  await page.keyboard.press('Enter');
  await page.locator('.feed-note').getByText('paused').waitFor();
  await page.keyboard.press('p');
  await page.locator('#pause[aria-pressed=false]').waitFor();
  await page.getByRole('link', {name: 'Accounts'}).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', {name: 'Accounts'}).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await done(page);
});

async function accessible(page, what, rules) {
  // Passed by the debugger, so the page's policy does not stop it.
  await page.evaluate(AXE);
  const {violations} = await page.evaluate((runOnly) => axe.run(document,
    {resultTypes: ['violations'], ...runOnly}), rules && {runOnly: rules});
  assert.deepEqual(violations.map(({id, nodes}) =>
    `${what} ${id}: ${nodes.map((node) => node.html).join('\n')}`), []);
}

async function tour(page, name, check) {
  await pipeline.completed(); // so that each page has something to show
  for (const hash of PAGES) {
    await page.goto(`${pipeline.url}/${hash}`);
    await page.locator(LOADED).first().waitFor();
    await check(hash, `${name}${hash.replace(/\W+/g, '-')}`);
  }
  await done(page);
}

test('a phone shows every page without scrolling sideways', async () => {
  const phone = await new Browser().open(PHONE);
  try {
    const page = await phone.page(`${pipeline.url}/`);
    await tour(page, 'phone', async (hash, name) => {
      const [wide, seen] = await page.evaluate(() =>
        [document.documentElement.scrollWidth, window.innerWidth]);
      assert.ok(wide <= seen && seen === 360, `${hash}: ${wide} of ${seen}`);
      // What a chart's colours mean is not cut off.
      assert.deepEqual(await page.locator('.keys').evaluateAll((all) =>
        all.filter((keys) => keys.scrollHeight > keys.clientHeight)
          .map((keys) => keys.textContent)), [], hash);
      await shot(page, name, {fullPage: true});
    });
  } finally {
    await phone.close();
  }
});

test('every page is accessible, in light and dark', async () => {
  const page = await open();
  await tour(page, 'dark', async (hash, name) => {
    await page.emulateMedia({colorScheme: 'light'});
    await accessible(page, `light ${hash}`);
    await page.emulateMedia({colorScheme: 'dark'});
    await accessible(page, `dark ${hash}`, ['color-contrast']);
    assert.match(await page.evaluate(() =>
      getComputedStyle(document.body).backgroundColor), /^rgb\(14, 19, 24\)/);
    await shot(page, name);
  });
});

test('a gateway with tokens is asked with one', async () => {
  const home = new Pipeline();
  const tokens = join(home.directory, 'tokens');
  home.knobs.tokens = tokens;
  const make = (role) => home.run(join(TREE, 'scripts/make-token.sh'), role,
    `of-${role}`, tokens).trim();
  try {
    const operator = make('operator');
    const customer = make('customer');
    home.start();
    const page = await browser.page(`${home.url}/`, /status of 40[13]/);
    await page.getByRole('button', {name: 'Not now'}).click();
    await page.getByText('to those who have a token').waitFor();
    await page.getByRole('button', {name: 'Token', exact: true}).click();
    await page.getByLabel('Bearer token').fill('wrong-token-0123456789');
    await page.keyboard.press('Enter');
    await page.getByText('That token is not valid.').waitFor();
    await shot(page, 'token');
    await page.getByLabel('Bearer token').fill(customer);
    await page.keyboard.press('Enter');
    await page.getByText('The pipeline is shown to operators.').waitFor();
    await page.getByText('No order yet').waitFor();
    await page.getByRole('button', {name: 'Token', exact: true}).click();
    await page.getByLabel('Bearer token').fill(operator);
    await page.keyboard.press('Enter');
    await page.locator('.wide .process[data-state=up]').nth(2).waitFor();
    await place(page, 1, 1);
    await page.getByText(/^Order 1 completed in /).waitFor();
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    await page.reload();
    await page.locator('.orders li').first().waitFor();
    await done(page);
  } finally {
    home.close();
  }
});
