// What an operator does, without a mouse: Tab, Enter and typing alone.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {Browser} from './browser.mjs';
import {Pipeline, until} from './pipeline.mjs';

const TABS_MAX = 200;

let pipeline;
let browser;
let page;

before(async () => {
  pipeline = new Pipeline().start();
  browser = await new Browser().open();
  page = await browser.page(`${pipeline.url}/#/`, /status of 409/);
});

after(async () => {
  await browser?.close();
  pipeline?.close();
});

// From wherever the focus is, to what has that role and name; and it shows.
async function tabTo(role, name) {
  const target = page.getByRole(role, {name, exact: typeof name === 'string'});
  await target.waitFor();
  for (let tabs = 0; tabs < TABS_MAX; tabs++) {
    const style = await target.evaluate((node) =>
      node === document.activeElement && getComputedStyle(node).outlineStyle);
    if (style) return assert.equal(style, 'solid', name);
    await page.keyboard.press('Tab');
  }
  return assert.fail(`no way by Tab to ${role} ${name}`);
}

async function press(role, name, key = 'Enter') {
  await tabTo(role, name);
  await page.keyboard.press(key);
}

async function type(name, text) {
  await tabTo('spinbutton', name);
  await page.keyboard.press('Control+A');
  await page.keyboard.type(text);
}

async function visit(name, heading = name) {
  await press('link', new RegExp(`^${name}`));
  await page.getByRole('heading', {name: heading, level: 1}).waitFor();
}

test('an order is placed', async () => {
  await type('User', '3');
  await tabTo('combobox', 'Product');
  await page.keyboard.type('2');
  await type('Quantity', '1');
  await page.keyboard.press('Enter');
  await page.getByText(/^Order 1 completed in /).waitFor();
  const {userId, productId} = await pipeline.get('/orders/1');
  assert.deepEqual([userId, productId], [3, 2]);
});

test('an order is cancelled', async () => {
  await press('link', 'Order 1');
  await page.locator('h1 + .pill').getByText('Completed').waitFor();
  await press('button', 'Cancel order');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({state: 'hidden'});
  assert.equal((await pipeline.get('/orders/1')).status, 'ORDER_COMPLETED');
  await press('button', 'Cancel order');
  await press('button', 'Cancel the order');
  await page.locator('h1 + .pill').getByText('Cancelled').waitFor();
  assert.equal((await pipeline.get('/orders/1')).status, 'ORDER_CANCELLED');
});

test('a parked order is redriven, and what is no good dropped', async () => {
  // The ledger's word on an order that is placed only afterwards.
  const [{id}] = await pipeline.get('/transactions?order=desc&limit=1');
  pipeline.tell({orderId: 2, userId: 5, price: 5000, transactionId: id + 1});
  await until(async () => (await pipeline.get('/parked')).length === 1,
    'the parked event');
  assert.equal(await pipeline.placed(5, 1), 2);
  await until(async () => (await pipeline.get('/parked')).length === 3,
    'what waits behind it');
  await visit('Parked', 'Parked events');
  await press('button', 'Try gateway 1 again');
  await page.getByText('Nothing is parked.').waitFor();
  assert.equal((await pipeline.ended(2)).status, 'ORDER_COMPLETED');

  pipeline.tell({orderId: 2, userId: 5, price: 5000, transactionId: 99});
  await press('button', /^Try gateway \d+ again/, 'Space');
  await page.getByRole('alert').getByText(/refused/i).waitFor();
  await press('button', /^Drop gateway/);
  await press('button', 'Drop it');
  await page.getByText('Nothing is parked.').waitFor();
  assert.deepEqual(await pipeline.get('/parked'), []);
});

test('a user gets credit, and is frozen and thawed', async () => {
  const {balance} = await pipeline.get('/users/2');
  await visit('Accounts');
  await press('button', 'Give credit to user 2');
  await page.keyboard.type('7.25');
  await page.keyboard.press('Enter');
  await until(async () => (await pipeline.get('/users/2')).balance ===
    balance + 7.25, 'the credit');
  await press('button', 'Freeze user 2');
  await press('button', 'Thaw user 2', 'Space');
  await page.getByRole('button', {name: 'Freeze user 2'}).waitFor();
});

test('nothing went wrong on the way', () => {
  assert.deepEqual(page.faults, []);
});
