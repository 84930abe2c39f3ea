// A pipeline of a test's own, as tests/support/pipeline.py makes them.

import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';

export const TREE = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const LIMIT_MS = 60000;
// As in tests/support/pipeline.py: what no log may hold, however well the
// restart hid it.
const NEVER_LOGGED = new RegExp('signal=(SEGV|ABRT|BUS|ILL|FPE)|' +
  'exit=(120|23|1) |Sanitizer|runtime error:|event=invariant|level=fatal');

function cleanEnvironment(knobs) {
  const environment = Object.fromEntries(Object.entries(process.env)
    .filter(([name]) => !name.startsWith('SAGAPIPE_')));
  environment.SAGA_BIN = process.env.SAGA_BIN || join(TREE, 'bin');
  for (const [name, value] of Object.entries(knobs)) {
    environment[`SAGAPIPE_${name.toUpperCase()}`] = value;
  }
  return environment;
}

// Calls condition until what it answers is true, and answers that.
export async function until(condition, what, limit = 20000) {
  const deadline = Date.now() + limit;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (Date.now() > deadline) throw new Error(`${what} did not come true`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

// A port that is free, and stays the same when the gateway starts again: what
// the kernel gives to whoever asks for port 0 lies above.
export function freePort() {
  return new Promise((done) => {
    const port = 20000 + Math.floor(Math.random() * 12000);
    const server = createServer();
    server.on('error', () => done(freePort()));
    server.listen(port, '127.0.0.1', () => server.close(() => done(port)));
  });
}

export class Pipeline {
  constructor(knobs = {}) {
    this.directory = mkdtempSync(join(tmpdir(), 'saga-'));
    this.home = join(this.directory, 'var');
    this.knobs = {home: this.home, http: '127.0.0.1:0', ...knobs};
  }

  run(program, ...args) {
    return execFileSync(program, args, {cwd: TREE, encoding: 'utf8',
      env: cleanEnvironment(this.knobs), timeout: LIMIT_MS,
      stdio: ['ignore', 'pipe', 'pipe']});
  }

  start() {
    this.run(join(TREE, 'scripts/start-all.sh'));
    this.url = readFileSync(join(this.home, 'run/gateway.url'), 'utf8').trim();
    return this;
  }

  // The lines of all logs that must never be there.
  crashes() {
    const logs = join(this.home, 'log');
    return readdirSync(logs).filter((name) => name.endsWith('.log'))
      .flatMap((name) => readFileSync(join(logs, name), 'utf8').split('\n')
        .filter((line) => NEVER_LOGGED.test(line))
        .map((line) => `${name}: ${line}`));
  }

  close() {
    try {
      this.run(join(TREE, 'scripts/stop-all.sh'));
      const crashes = this.crashes();
      if (crashes.length > 0) throw new Error(crashes.join('\n'));
    } finally {
      rmSync(this.directory, {recursive: true, force: true});
    }
  }

  pid(name) {
    return Number(readFileSync(join(this.home, `run/${name}.pid`), 'utf8'));
  }

  signal(name, number) {
    const pid = this.pid(name);
    process.kill(pid, number);
    return pid;
  }

  async ask(method, path, body, type = 'application/json') {
    const text = typeof body === 'object' ? JSON.stringify(body) : body;
    const response = await fetch(this.url + path, {method, body: text,
      headers: body === undefined ? {} : {'Content-Type': type}});
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return type === 'application/json' ? response.json() : response.text();
  }

  get(path) {
    return this.ask('GET', path);
  }

  async placed(userId, productId) {
    return (await this.ask('POST', '/orders', {userId, productId})).id;
  }

  ended(id) {
    return until(async () => {
      const order = await this.get(`/orders/${id}`);
      return order.status !== 'ORDER_CREATED' && order;
    }, `the end of order ${id}`);
  }

  // An order of user 5 that has completed.
  async completed() {
    return this.ended(await this.placed(5, 1));
  }

  // Cancels an order that has completed; what was paid is given back.
  async cancelled(id) {
    await this.ask('DELETE', `/orders/${id}`);
    return until(async () => {
      const order = await this.get(`/orders/${id}`);
      return order.status === 'ORDER_CANCELLED' && order;
    }, `the end of order ${id}'s cancel`);
  }

  // A transaction that no ledger of ours wrote.
  tell(fields) {
    this.run('/usr/bin/python3', join(TREE, 'tests/browser/tell.py'),
      this.home, JSON.stringify(fields));
  }
}
