// What the first page says in numbers, against what is known to be so: the
// page's clock stands still and is turned by hand, a second at a time, so that
// its rates are exact.

import assert from 'node:assert/strict';
import {mkdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {Browser} from './browser.mjs';
import {Pipeline, TREE, until} from './pipeline.mjs';

const SHOTS = join(TREE, 'build/screenshots');
const POLL_MS = 1000;
const DRAW_MS = 50;       // a frame, and some
const OVER_S = 3;         // what the page takes its rates over
const UNKNOWN_USER = 77;

let pipeline;
let browser;
let page;
let placed = 0;

// Counts what the page asks for, and keeps what its charts were given.
function watched() {
  const {fetch} = window;
  window.asked = 0;
  // Those that fail make no point: at the start there may be nothing to tell.
  window.fetch = async (what, ...more) => {
    const looks = String(what).endsWith('/status');
    let failed = true;
    window.asked += looks;
    try {
      const answer = await fetch(what, ...more);
      failed = !answer.ok;
      return answer;
    } finally {
      window.asked -= looks && failed;
    }
  };
  window.plots = {};
}

// Every value that dygraphs holds, oldest first.
async function keepPlots() {
  const {Chart} = await import('/web/chart.js');
  const {draw} = Chart.prototype;
  Chart.prototype.draw = function drawAndKeep(points) {
    draw.call(this, points);
    const {graph} = this;
    window.plots[this.settings.title] = graph &&
      Array.from({length: graph.numRows()}, (_, row) =>
        Array.from({length: graph.numColumns()}, (__, column) =>
          graph.getValue(row, column)));
  };
}

const points = () => page.evaluate(async () =>
  (await import('/web/status.js')).points.rates.length);
const asked = () => page.evaluate(() => window.asked);
const turn = (ms) => page.clock.runFor(ms);

async function answered() {
  await until(async () => await points() === await asked(), 'the answer');
}

// From here on each step() is one look at /status, a second after the last.
async function stopClock() {
  await page.clock.pauseAt(Date.now() + 3600000);
  await answered();
  for (const before = await asked(); await asked() === before;) await turn(50);
  await answered();
  await turn(DRAW_MS);
}

async function step(times = 1) {
  for (let time = 0; time < times; time++) {
    const before = await asked();
    await turn(POLL_MS - DRAW_MS);
    assert.equal(await asked(), before + 1);
    await answered();
    await turn(DRAW_MS);
  }
}

// {orders: ['100/s', 'payment', 'up to date'], ...}, and the processes alike.
function picture(kind) {
  return page.locator(`.pipeline.wide .${kind}`).evaluateAll((nodes) =>
    Object.fromEntries(nodes.map((node) => [...node.querySelectorAll('text')]
      .map((text) => text.textContent)).map(([name, ...rest]) => [name, rest])));
}

async function figure(name) {
  const one = page.locator('.figure', {has: page.locator('dt', {hasText: name})});
  return one.locator('dd').allTextContents();
}

function plot(title) {
  return page.evaluate((name) => window.plots[name], title);
}

// Their answers tell that they are on disk, not that they have ended.
async function place(user, count) {
  const line = `{"userId":${user},"productId":1}\n`;
  await pipeline.ask('POST', '/orders', line.repeat(count),
    'application/x-ndjson');
  placed += count;
}

const end = (status, topic) =>
  status.topics.filter((row) => row.topic === topic)
    .reduce((sum, row) => sum + row.end, 0);

const rowOfProcess = (status, name) =>
  status.processes.find((row) => row.name === name);

const lag = (status, consumer, topic) =>
  status.consumers.filter((row) => row.consumer === consumer &&
    row.topic === topic).reduce((sum, row) => sum + row.lag, 0);

// Waits until nothing is under way, and all have told of it; the status.
function settled() {
  return until(async () => {
    const status = await pipeline.get('/status');
    return status.orders.created === placed && status.orders.open === 0 &&
      end(status, 'transactions') === placed &&
      status.consumers.every((row) => row.lag === 0) &&
      rowOfProcess(status, 'payment').eventsIn ===
        end(status, 'orders') + end(status, 'transactions') &&
      rowOfProcess(status, 'ledger').eventsIn === end(status, 'payments') &&
      status;
  }, 'that all is done', 60000);
}

before(async () => {
  mkdirSync(SHOTS, {recursive: true});
  pipeline = new Pipeline().start();
  await pipeline.ask('POST', '/users', {userId: 9, balance: 9e10});
  await until(async () => (await fetch(`${pipeline.url}/users/9`)).ok,
    'user 9');
  browser = await new Browser().open();
  await browser.context.clock.install();
  await browser.context.addInitScript(watched);
  page = await browser.page(`${pipeline.url}/`);
  await page.evaluate(keepPlots);
  await page.locator('.wide .process[data-state=up]').nth(2).waitFor();
  await stopClock();
});

after(async () => {
  await browser?.close();
  pipeline?.close();
});

test('rates are what went by in the last three seconds', async () => {
  await settled();
  await step(OVER_S);
  const still = (readers) => ['0/s', ...readers.flatMap((reader) =>
    [reader, 'up to date'])];
  const topics = {orders: ['payment'], payments: ['ledger', 'gateway'],
    transactions: ['gateway', 'payment']};
  assert.deepEqual(await picture('topic'), Object.fromEntries(
    Object.entries(topics).map(([name, readers]) => [name, still(readers)])));
  const old = await pipeline.get('/status');

  await place(9, 270);
  await place(UNKNOWN_USER, 30);
  const now = await settled();
  const rate = (numbers) => `${numbers(now) - numbers(old)}`;
  for (let second = 1; second <= OVER_S; second++) {
    await step();
    const shown = await picture('topic');
    for (const name of Object.keys(topics)) {
      assert.equal(Number(rate((status) => end(status, name))), 300, name);
      assert.equal(shown[name][0], '100/s', `${name}, second ${second}`);
    }
    const {gateway, payment, ledger} = await picture('process');
    assert.equal(gateway.at(-1), '100/s');
    assert.equal(payment.at(-1), '200/s');  // of orders and of transactions
    assert.equal(ledger.at(-1), '100/s');
    assert.deepEqual(await figure('Orders'), ['100/s', '300 in all']);
    assert.deepEqual(await figure('Completed'), ['90/s', '270 in all']);
    assert.deepEqual(await figure('Refused'), ['10/s', '30 in all']);
  }
  await step();
  assert.equal((await picture('topic')).orders[0], '0/s');
  assert.equal((await picture('process')).gateway.at(-1), '0/s');

  // One row a second: three of nothing, three of this, one of nothing.
  const rows = (await plot('Throughput')).slice(-5);
  const seconds = rows.map(([at]) => Math.round((at - rows[0][0]) / 1000));
  assert.deepEqual(seconds, [0, 1, 2, 3, 4]);
  assert.deepEqual(rows.map((row) => row.slice(1)), [[0, 0, 0],
    [100, 90, 10], [100, 90, 10], [100, 90, 10], [0, 0, 0]]);
  assert.match(await page.getByRole('img', {name: /^Throughput, now/})
    .getAttribute('aria-label'), /placed 0\/s, completed 0\/s, refused 0\/s/);
});

// "3 s", "1.5 s", "2 min 5 s", in seconds.
function seconds(text) {
  const [, minutes = 0, rest] = text.match(/^(?:(\d+) min )?([\d.]+) s$/);
  return 60 * minutes + Number(rest);
}

async function oldest() {
  return seconds((await figure('Open'))[1].replace(/^oldest /, ''));
}

test('a ledger that stands still shows as lag and age', async () => {
  pipeline.signal('ledger', 'SIGSTOP');
  const begun = Date.now();
  try {
    await place(9, 250);
    // A position is told once a second, by each in its own time.
    await until(async () => {
      const status = await pipeline.get('/status');
      return lag(status, 'ledger', 'payments') === 250 &&
        status.consumers.reduce((sum, row) => sum + row.lag, 0) === 250;
    }, 'all payments, and nobody else behind');
    await step();
    const {orders, payments, transactions} = await picture('topic');
    assert.deepEqual(payments.slice(1), ['ledger', '250 behind', 'gateway',
      'up to date']);
    assert.deepEqual(orders.slice(1), ['payment', 'up to date']);
    assert.deepEqual(transactions.slice(1), ['gateway', 'up to date',
      'payment', 'up to date']);
    assert.match(await page.getByRole('img', {name: /^The pipeline/})
      .getAttribute('aria-label'), /ledger is 250 behind in payments\./);
    assert.equal((await figure('Open'))[0], '250');
    await page.screenshot({path: join(SHOTS, 'figures-lag.png')});

    // It rises with each look, and is never more than what /status says next.
    for (const least of [1, 2]) {
      const {orders: then} = await until(async () => {
        const status = await pipeline.get('/status');
        return status.orders.oldestOpenSeconds >= least && status;
      }, `an order that is open for ${least} s`);
      await step();
      const shown = await oldest();
      const {orders: now} = await pipeline.get('/status');
      // It is shown to the tenth.
      assert.ok(then.oldestOpenSeconds - 0.05 <= shown &&
        shown <= now.oldestOpenSeconds + 0.05,
      `${then.oldestOpenSeconds} ${shown} ${now.oldestOpenSeconds}`);
      assert.ok(shown <= (Date.now() - begun) / 1000 + 1, `${shown} s`);
    }
    await place(9, 7);
    await until(async () => lag(await pipeline.get('/status'), 'ledger',
      'payments') === 257, 'seven more');
    await step();
    assert.equal((await picture('topic')).payments[2], '257 behind');
  } finally {
    pipeline.signal('ledger', 'SIGCONT');
  }
  await settled();
  await step();
  assert.equal((await picture('topic')).payments[2], 'up to date');
  assert.deepEqual(await figure('Open'), ['0', 'none waits']);
});

test('the tables say what /status says', async () => {
  await page.getByText('Every process, topic and consumer').click();
  const status = await settled();
  await step();
  const rows = (caption) => page.locator('table', {hasText: caption})
    .locator('tbody tr').evaluateAll((all) => all.map((row) =>
      [...row.children].map((cell) => cell.textContent)));
  const number = (value) => value.toLocaleString('en');
  assert.deepEqual(await rows('Consumers'), status.consumers.map((row) =>
    [row.consumer, `${row.topic}/${row.partition}`, number(row.position),
      number(row.lag)]));
  assert.deepEqual((await rows('Topics')).map((row) => row.slice(0, 4)),
    status.topics.map((row) => [row.topic, String(row.partition),
      number(row.end), number(row.begin)]));
  assert.deepEqual((await rows('Processes')).map(([name, , pid]) =>
    [name, pid]), status.processes.map((row) => [row.name, String(row.pid)]));
});

// In which row of the histogram a time falls, by its place in that list.
function rowOf(within, ms) {
  const at = within.findIndex((row) => ms <= row.ms);
  return at < 0 ? within.length : at;
}

test('latencies are those of the orders that ended', async () => {
  await step();
  const {sagas: {within}} = await pipeline.get('/status');
  pipeline.signal('ledger', 'SIGSTOP');
  try {
    await place(9, 40);
    await until(async () =>
      (await pipeline.get('/status')).orders.oldestOpenSeconds >= 1,
    'orders that are a second old');
  } finally {
    pipeline.signal('ledger', 'SIGCONT');
  }
  await settled();
  await step();
  const took = (await pipeline.get('/orders?order=desc&limit=40'))
    .map((order) => new Date(order.updatedAt) - new Date(order.createdAt))
    .sort((a, b) => a - b);
  assert.ok(took[39] >= 900, `${took[39]} ms`);
  const [, half, most] = (await plot('Latency')).at(-1);
  for (const [shown, real] of [[half, took[19]], [most, took[39]]]) {
    const off = rowOf(within, shown) - rowOf(within, real);
    // A millisecond is enough for the next row, where it begins.
    assert.ok(off === 0 || Math.abs(off) === 1 &&
      Math.abs(shown - real) < real / 2, `${shown} for ${real}: ${took}`);
  }
  const said = await page.getByRole('img', {name: /^Latency, now/})
    .getAttribute('aria-label');
  const [text, note] = await figure('Latency');
  assert.ok(said.includes(`half within ${text},`), `${said} ${text}`);
  assert.ok(said.endsWith(`99 % within ${note.replace('99 %: ', '')}`), said);
  await step();  // nobody's: no point, and the last that was stays written
  assert.deepEqual((await plot('Latency')).at(-1).slice(1), [null, null]);
  assert.equal((await figure('Latency'))[0], text);
});

test("the charts are drawn by Debian's own dygraphs", async () => {
  const debian = join(process.env.CHARTS || '/usr/share/javascript/dygraphs',
    'dygraph.min.js');
  const served = await fetch(`${pipeline.url}/web/dygraph.min.js`);
  assert.equal(await served.text(), readFileSync(debian, 'utf8')
    .replace(/^\/\/# sourceMappingURL=.*\n?/m, ''));
  assert.ok(await page.evaluate(() => [...document.querySelectorAll('.plot')]
    .every((node) => node.querySelectorAll('canvas').length === 2)));
});

test('nothing went wrong on the way', () => {
  assert.deepEqual(page.faults, []);
});
