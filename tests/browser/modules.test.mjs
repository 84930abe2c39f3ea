// The dashboard's modules without a browser: each is JavaScript, and those
// that decide something decide right.

import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync}
  from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {test} from 'node:test';
import {TREE} from './pipeline.mjs';

const WEB = join(TREE, 'web');
const {EventReader} = await importModule('stream.js');
const {REASONS, REASONS_SHORT, STEPS, missing} = await importModule('words.js');
const {quantile} = await importModule('histogram.js');
const {brokerIs, isOf} = await importModule('status.js');
const {span, money, bytes, rate, short} = await importModule('format.js');

// As the browser takes them, though no package.json says that they are modules.
async function importModule(name) {
  const directory = mkdtempSync(join(tmpdir(), 'saga-modules-'));
  for (const file of scripts()) {
    copyFileSync(join(WEB, file), join(directory, file));
  }
  execFileSync('sh', ['-c', 'echo \'{"type":"module"}\' > package.json'],
    {cwd: directory});
  try {
    return await import(join(directory, name));
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}

function scripts() {
  return readdirSync(WEB).filter((name) => name.endsWith('.js'));
}

// As node --check does, in one process for all.
test('every module is JavaScript', () => {
  execFileSync(process.execPath, ['--experimental-vm-modules', '-e', `
    const {readFileSync} = require('node:fs');
    const {SourceTextModule} = require('node:vm');
    for (const name of process.argv.slice(1)) {
      new SourceTextModule(readFileSync(name, 'utf8'), {identifier: name});
    }`, ...scripts().map((name) => join(WEB, name))], {stdio: 'pipe'});
});

test('no file asks elsewhere, writes markup or styles elements', () => {
  for (const name of readdirSync(WEB)) {
    if (name.endsWith('.json')) continue;
    const text = readFileSync(join(WEB, name), 'utf8')
      .replaceAll('http://www.w3.org/2000/svg', '');
    assert.doesNotMatch(text, /https?:|innerHTML|\sstyle=|eval\(|\son\w+="/,
      name);
  }
});

test('every refusal has words', () => {
  const list = readFileSync(join(TREE, 'src/saga/refusal.h'), 'utf8');
  const names = [...list.matchAll(/X\(REFUSAL_\w+,\s+"(\w+)"/g)]
    .map((found) => found[1]);
  assert.ok(names.length >= 8);
  for (const name of names) {
    assert.ok(REASONS[name], name);
    assert.ok(REASONS_SHORT[name], name);
  }
});

test('every step of a timeline has words', () => {
  const rows = readFileSync(join(TREE, 'src/gateway/http_rows.c'), 'utf8');
  const names = [...rows.matchAll(
    /"((?:ORDER|PAYMENT|TRANSACTION|CANCEL)_[A-Z]+)"/g)]
    .map((found) => found[1]);
  assert.ok(names.length >= 7);
  for (const name of names) assert.ok(STEPS[name], name);
});

function lacks(status, steps, more) {
  const timeline = steps.map((what) => ({what}));
  return missing({status, timeline, ...more}).map(([, what]) => what);
}

test('what an order still lacks', () => {
  assert.deepEqual(lacks('ORDER_CREATED', ['ORDER_CREATED']),
    ['PAYMENT_APPROVED', 'TRANSACTION_SUCCESSFUL', 'ORDER_COMPLETED']);
  assert.deepEqual(lacks('ORDER_CREATED', ['ORDER_CREATED',
    'PAYMENT_APPROVED']), ['TRANSACTION_SUCCESSFUL', 'ORDER_COMPLETED']);
  assert.deepEqual(lacks('ORDER_CREATED', ['ORDER_CREATED',
    'PAYMENT_DECLINED']), ['TRANSACTION_UNSUCCESSFUL', 'ORDER_FAILED']);
  assert.deepEqual(lacks('ORDER_COMPLETED', ['ORDER_CREATED',
    'PAYMENT_APPROVED', 'TRANSACTION_SUCCESSFUL', 'ORDER_COMPLETED']), []);
  assert.deepEqual(lacks('ORDER_COMPLETED', ['PAYMENT_APPROVED',
    'TRANSACTION_SUCCESSFUL', 'CANCEL_REQUESTED']),
  ['PAYMENT_REFUNDED', 'TRANSACTION_REVERSED', 'ORDER_CANCELLED']);
  assert.deepEqual(lacks('ORDER_FAILED', ['PAYMENT_APPROVED',
    'TRANSACTION_UNSUCCESSFUL', 'ORDER_FAILED'], {reason: 'LIMIT_EXCEEDED'}),
  ['PAYMENT_REFUNDED']);
  assert.deepEqual(lacks('ORDER_CANCELLED', ['ORDER_CANCELLED']), []);
});

test('a stream of events is read however it is cut', () => {
  const text = 'retry: 1000\n\nid: 7\nevent: order\ndata: {"id":1}\n\n' +
    ': alive\n\nid: 8\r\nevent: gap\r\ndata: a\r\ndata:b\r\n\r\n';
  const wanted = [{id: '7', event: 'order', data: '{"id":1}'},
    {id: '8', event: 'gap', data: 'a\nb'}];
  for (let size = 1; size <= text.length; size++) {
    const reader = new EventReader();
    const events = [];
    for (let at = 0; at < text.length; at += size) {
      events.push(...reader.read(text.slice(at, at + size)));
    }
    assert.deepEqual(events, wanted, `pieces of ${size}`);
  }
});

test('what a process is, and the broker', () => {
  const up = {name: 'broker', up: true, silent: false};
  const silent = {name: 'broker', up: false, silent: true};
  const down = {name: 'broker', up: false, silent: false};
  const other = {...silent, name: 'payment'};
  assert.deepEqual([up, silent, down].map(isOf), ['up', 'silent', 'down']);
  const is = (answers, ...processes) =>
    brokerIs({broker: {up: answers}, processes});
  assert.equal(is(true, other, silent), 'up');
  assert.equal(is(false, other, silent), 'silent');
  // Gone, and not yet missed; gone; never there.
  assert.equal(is(false, other, up), 'down');
  assert.equal(is(false, other, down), 'down');
  assert.equal(is(false, other), 'down');
});

// How many ended within 10, 20 and 50 ms, and in all.
function sagas(ended, ...counts) {
  return {ended, within: counts.map((count, at) =>
    ({ms: [10, 20, 50][at], ended: count}))};
}

test('how long orders took between two looks', () => {
  const before = sagas(1000, 900, 950, 990);
  assert.equal(quantile(before, before, 0.5), null);
  assert.equal(quantile(sagas(7, 7, 7, 7), sagas(3, 1, 3, 3), 0.5), null);
  // 60 within 10 ms, 30 more within 20, 10 more within 50.
  const now = sagas(1100, 960, 1040, 1090);
  assert.equal(quantile(before, now, 0.3), 5);
  assert.equal(quantile(before, now, 0.6), 10);
  assert.equal(quantile(before, now, 0.75), 15);
  assert.equal(quantile(before, now, 0.99), 47);
  // Rows in which nothing ended are passed over.
  assert.equal(quantile(before, sagas(1002, 900, 950, 992), 0.5), 35);
  // Of those above all bounds no more is known.
  assert.equal(quantile(before, sagas(1010, 900, 950, 990), 0.5), 50);
});

test('numbers as people read them', () => {
  assert.equal(span(0.84), '0.8 ms');
  assert.equal(span(1400), '1.4 s');
  assert.equal(span(185000), '3 min 5 s');
  assert.equal(span(null), '–');
  assert.equal(money(1234.5, 'USD'), '1,234.50 USD');
  assert.equal(bytes(12345678), '12 MB');
  assert.equal(rate(1666.7), '1,667');
  assert.equal(short(1666.7), '1.7k');
  assert.equal(short(217.9), '218');
});
