// One order: what happened to it, hop by hop, and what is still missing.

import {h, say, mark, show} from './dom.js';
import {money, time, span, between} from './format.js';
import {get, send, sentence, Refusal} from './api.js';
import {follow} from './stream.js';
import {brokerIs, isOf, lagOf, onStatus, pipeline} from './status.js';
import {STEPS, ended, missing, reasonWords, parkedWords}
  from './words.js';
import {setPill} from './order-parts.js';
import {sure} from './shared.js';
import {participantOf, redrive} from './page-parked.js';

const ASK_MS = 1000;
const READS = {payment: 'orders', ledger: 'payments', gateway: 'transactions'};

function fact(label, ...value) {
  return h('div', {class: 'fact'}, h('dt', {}, label), h('dd', {}, ...value));
}

function facts(order) {
  const rows = [
    fact('User', String(order.userId)),
    fact('Product', `${order.productId} × ${order.quantity}`),
    fact('Price', money(order.price, order.currency)),
    fact('Placed', time(order.createdAt, true)),
  ];
  if (order.transactionId) {
    rows.push(fact('Transaction', h('a', {href:
      `#/transactions?id=${order.transactionId}`}, `#${order.transactionId}`)));
  }
  if (order.trace) {
    // "00-TRACE-PARENT-01"
    const trace = order.trace.split('-')[1] || order.trace;
    rows.push(fact('Trace', h('code', {}, trace)));
  }
  return h('dl', {class: 'facts'}, ...rows);
}

function happened(step, at, steps) {
  const [words] = STEPS[step.what] || [step.what];
  const before = at > 0 ? between(steps[at - 1].at, step.at) : null;
  const bad = /FAILED|DECLINED|UNSUCCESSFUL/.test(step.what);
  return h('li', {class: 'step', 'data-tone': bad ? 'bad' : 'good'},
    h('span', {class: 'step-process'}, step.process),
    h('span', {class: 'step-what'}, words, h('code', {}, step.what)),
    h('span', {class: 'step-time'}, h('time', {datetime: step.at},
      time(step.at, true)),
    h('span', {class: 'muted'}, before == null ? '' : ` +${span(before)}`)));
}

// Why a step has not come yet, as far as the pipeline's state tells it.
function why(process, order) {
  const {status} = pipeline;
  if (order.parked) {
    return `An event of this order is parked in ${order.parked.participant}.`;
  }
  if (!status) return '';
  if (!status.broker.up) {
    return `The broker is ${brokerIs(status)}: the event waits on disk.`;
  }
  const row = status.processes.find((one) => one.name === process);
  if (row && !row.up) {
    return `${process} is ${isOf(row)}. It goes on when it is back.`;
  }
  const lag = lagOf(status, process, READS[process]);
  return lag > 0 ? `${process} is ${lag} events behind.` : '';
}

function lacking([process, what], at, order) {
  const [, words] = STEPS[what];
  return h('li', {class: 'step', 'data-tone': 'missing'},
    h('span', {class: 'step-process'}, process),
    h('span', {class: 'step-what'}, words,
      h('span', {class: 'muted'}, at === 0 ? why(process, order) : '')),
    h('span', {class: 'step-time muted'}, at === 0 ? 'next' : 'then'));
}

function timeline(order) {
  const steps = order.timeline || [];
  return h('ol', {class: 'timeline'}, ...steps.map(happened),
    ...missing(order).map((step, at) => lacking(step, at, order)));
}

// What came before the order, or behind something parked, is not told with the
// order itself.  Asked for only where something is parked at all.
async function parkedOf(order) {
  if (ended(order) || !pipeline.status || !pipeline.status.parked) return;
  try {
    const row = (await get('/parked')).find((one) => one.orderId === order.id);
    return row && {...row, participant: participantOf(row),
      since: row.parkedAt || row.since};
  } catch {
    // A process may be silent, or the token a customer's: the page still shows
    // the order.
  }
}

function parkedBox(order, after) {
  const {parked} = order;
  const problem = h('p', {class: 'form-error', role: 'alert', hidden: true});
  const button = h('button', {type: 'button', onclick: async () => {
    button.disabled = true;
    const said = await redrive(parked.participant, order.id);
    say(problem, said || '');
    show(problem, Boolean(said));
    button.disabled = false;
    after();
  }}, 'Try it again');
  return h('div', {class: 'notice', 'data-tone': 'warn'},
    h('strong', {}, 'An event of this order is parked'),
    h('p', {}, `${parked.participant} could not take an event from ` +
      `${parked.topic}: ${parkedWords(parked.cause)}. Tried ` +
      `${parked.attempts} time${parked.attempts === 1 ? '' : 's'}, since ` +
      `${time(parked.since)}.`), problem,
    h('div', {class: 'row'}, button,
      h('a', {href: '#/parked'}, 'All parked events')));
}

function cancelButton(order, after, problem) {
  const open = order.status === 'ORDER_CREATED' ||
    order.status === 'ORDER_COMPLETED';
  if (!open || order.cancelRequestedAt) return null;
  return h('button', {type: 'button', class: 'danger', onclick: async () => {
    if (!await sure(`Cancel order ${order.id}?`, ended(order)
      ? `${money(order.price, order.currency)} go back to user ` +
        `${order.userId}, and the ledger reverses the transaction.`
      : 'It may already be paid: then the money is given back.',
    'Cancel the order')) return;
    try {
      await send('DELETE', `/orders/${order.id}`);
      show(problem, false);
    } catch (error) {
      say(problem, sentence(error));
      show(problem, true);
    }
    after();
  }}, 'Cancel order');
}

class OrderView {
  constructor(main, id) {
    this.id = id;
    this.control = new AbortController();
    this.state = h('span', {class: 'pill large', role: 'status'});
    this.took = h('span', {class: 'muted'});
    this.problem = h('p', {class: 'form-error', role: 'alert', hidden: true});
    this.body = h('div', {class: 'order-body'},
      h('p', {class: 'empty'}, 'Asking the gateway …'));
    main.append(h('p', {class: 'crumb'}, h('a', {href: '#/orders'}, 'Orders')),
      h('div', {class: 'title'}, h('h1', {}, `Order ${id}`), this.state,
        this.took), this.problem, this.body);
  }

  // Made anew only when it changed: a focus on it stays where it is.
  draw(force) {
    const {order} = this;
    if (!order) return;
    const shown = JSON.stringify([order, ended(order) ? 0
      : missing(order).map(([process]) => why(process, order))]);
    if (shown === this.shown && !force) return;
    this.shown = shown;
    setPill(this.state, order);
    say(this.took, ended(order)
      ? `after ${span(between(order.createdAt, order.updatedAt))}` : '');
    const after = () => this.load();
    const focused = this.body.contains(document.activeElement);
    this.body.replaceChildren(...[
      order.reason ? h('p', {class: 'notice', 'data-tone':
        order.status === 'ORDER_FAILED' ? 'bad' : 'quiet'},
      h('strong', {}, order.reason), reasonWords(order.reason)) : null,
      order.parked ? parkedBox(order, after) : null,
      h('section', {class: 'panel', 'aria-label': 'What was ordered'},
        facts(order)),
      h('section', {class: 'panel', 'aria-label': 'Timeline'},
        h('div', {class: 'panel-head'}, h('h2', {}, 'Timeline'),
          cancelButton(order, after, this.problem)),
        timeline(order)),
    ].filter(Boolean));
    if (focused) {
      const button = this.body.querySelector('button');
      if (button) button.focus();
      else document.getElementById('main').focus();
    }
  }

  async load() {
    try {
      const order = await get(`/orders/${this.id}`, this.control.signal);
      if (!order.parked) order.parked = await parkedOf(order);
      this.order = order;
      this.draw();
      return true;
    } catch (error) {
      if (this.control.signal.aborted) return false;
      if (!this.order) {
        this.body.replaceChildren(h('p', {class: 'empty'},
          error instanceof Refusal && error.status === 404
            ? `There is no order ${this.id}.` : sentence(error)));
      }
      return !(error instanceof Refusal && error.status === 404);
    }
  }

  pause(ms) {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      this.control.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        done();
      }, {once: true});
    });
  }

  // Each change on the stream has it asked for whole, with its timeline; some
  // changes (a refund behind the end, parking) are seen only by asking.
  async run() {
    const {signal} = this.control;
    let streams = true;
    let there = await this.load();
    const asking = (async () => {
      while (!signal.aborted) {
        await this.pause(ASK_MS);
        if (!signal.aborted && !document.hidden && there) await this.load();
      }
    })();
    while (!signal.aborted && streams) {
      try {
        await follow(`/orders/${this.id}/stream`, {signal,
          on: () => this.load()});
      } catch (error) {
        streams = !(error instanceof Refusal);
      }
      if (streams) await this.pause(ASK_MS);
    }
    there = there || !streams;
    await asking;
  }

  end() {
    this.control.abort();
  }
}

export function orderPage(main, {id}) {
  const view = new OrderView(main, id);
  view.run();
  const endStatus = onStatus(() => view.draw());
  mark(main, 'data-order', String(id));
  return () => {
    main.removeAttribute('data-order');
    endStatus();
    view.end();
  };
}

