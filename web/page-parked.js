// Events that a process could not take, and that wait for an operator.

import {h, say, show} from './dom.js';
import {count, time} from './format.js';
import {get, send, sentence, Refusal} from './api.js';
import {parkedWords} from './words.js';
import {sure} from './shared.js';
import {statusNow} from './status.js';

const ASK_MS = 2000;

export function participantOf(row) {
  return row.participant || row.process;
}

// Tries an order's first parked event again; those behind it follow by
// themselves.  Says what went wrong, or nothing.
export async function redrive(participant, orderId) {
  try {
    const row = (await get('/parked')).find((one) =>
      participantOf(one) === participant && one.orderId === orderId);
    if (row) await send('POST', `/parked/${participant}/${row.number}/redrive`);
    statusNow();
    return null;
  } catch (error) {
    return sentence(error);
  }
}

// Goes on by itself when the first one of its order or user does.
function waitsBehind(row) {
  return row.cause.startsWith('behind');
}

function actions(row, after, problem) {
  const participant = participantOf(row);
  const path = `/parked/${participant}/${row.number}`;
  const act = async (event, what) => {
    event.target.disabled = true;
    try {
      await send('POST', `${path}/${what}`);
      show(problem, false);
    } catch (error) {
      say(problem, sentence(error));
      show(problem, true);
    }
    event.target.disabled = false;
    statusNow();
    after();
  };
  const name = `${participant} ${row.number}`;
  return h('div', {class: 'row'},
    waitsBehind(row) ? null : h('button', {type: 'button',
      'aria-label': `Try ${name} again`,
      onclick: (event) => act(event, 'redrive')}, 'Try again'),
    h('button', {type: 'button', class: 'danger', 'aria-label': `Drop ${name}`,
      onclick: async (event) => {
        if (await sure('Drop this event?', 'It will never take effect. Do ' +
          'this only if you know that it must not.', 'Drop it')) {
          act(event, 'drop');
        }
      }}, 'Drop'));
}

function item(row, after, problem) {
  const order = row.orderId ? h('a', {href: `#/orders/${row.orderId}`},
    `order ${row.orderId}`) : 'an order that can not be told';
  const source = row.offset === undefined ? row.topic
    : `${row.topic}/${row.partition}, offset ${count(row.offset)}`;
  return h('li', {class: 'parked'},
    h('div', {}, h('strong', {}, `${participantOf(row)} ${row.number}`), ' ',
      order, h('p', {class: 'muted'}, `From ${source}: ` +
        `${parkedWords(row.cause)}. ` + (waitsBehind(row) ? 'Since '
        : `Tried ${count(row.attempts)} time` +
          `${row.attempts === 1 ? '' : 's'}, since `) +
        `${time(row.parkedAt || row.since)}.`)),
    actions(row, after, problem));
}

export function parkedPage(main) {
  const list = h('ul', {class: 'parked-list'});
  const problem = h('p', {class: 'form-error', role: 'alert', hidden: true});
  const empty = h('p', {class: 'empty'}, 'Asking the gateway …');
  let timer = 0;
  let gone = false;
  let shown = '';
  main.append(h('h1', {}, 'Parked events'),
    h('p', {class: 'lead'}, 'An event that a process can not take waits here, ' +
      'with what follows of the same order; everything else flows on. Mend ' +
      'the cause, then try it again.'),
    problem, h('section', {class: 'panel', 'aria-label': 'Parked events'},
      list, empty));
  const load = async () => {
    clearTimeout(timer);
    try {
      const rows = await get('/parked');
      if (gone) return;
      const now = JSON.stringify(rows);
      if (now !== shown) {
        list.replaceChildren(...rows.map((row) => item(row, load, problem)));
      }
      shown = now;
      say(empty, 'Nothing is parked.');
      show(empty, rows.length === 0);
    } catch (error) {
      if (gone) return;
      shown = '';
      list.replaceChildren();
      say(empty, error instanceof Refusal && error.status === 404
        ? 'This gateway does not tell. Use: sagactl parked list'
        : sentence(error));
      show(empty, true);
    }
    timer = setTimeout(load, ASK_MS);
  };
  load();
  return () => {
    gone = true;
    clearTimeout(timer);
  };
}
