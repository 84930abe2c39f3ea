// All orders: live, or those of one user or state; and older ones.

import {h, say, drawing, show} from './dom.js';
import {page, sentence} from './api.js';
import {orders, onPause, paused} from './shared.js';
import {STATES} from './words.js';
import {orderList, drawOrders, orderForm} from './order-parts.js';
import {feedNote} from './feed-note.js';

const LIVE_ROWS = 50;
const PAGE_ROWS = 50;

function filterForm(query) {
  const status = h('select', {id: 'filter-status'},
    h('option', {value: ''}, 'any state'),
    ...Object.entries(STATES).map(([name, {short}]) =>
      h('option', {value: name}, short)));
  const user = h('input', {id: 'filter-user', type: 'number', min: 1,
    placeholder: 'any', inputmode: 'numeric'});
  const id = h('input', {id: 'find-order', type: 'number', min: 1,
    placeholder: 'number', inputmode: 'numeric', required: true});
  status.value = query.get('status') || '';
  user.value = query.get('userId') || '';
  const apply = () => {
    const chosen = new URLSearchParams();
    if (status.value) chosen.set('status', status.value);
    if (user.value && user.checkValidity()) chosen.set('userId', user.value);
    location.hash = chosen.size > 0 ? `#/orders?${chosen}` : '#/orders';
  };
  status.addEventListener('change', apply);
  user.addEventListener('change', apply);
  return h('div', {class: 'panel filters'},
    h('div', {class: 'field'}, h('label', {for: 'filter-status'}, 'State'),
      status),
    h('div', {class: 'field'}, h('label', {for: 'filter-user'}, 'User'), user),
    h('form', {class: 'find', onsubmit: (event) => {
      event.preventDefault();
      location.hash = `#/orders/${id.value}`;
    }}, h('div', {class: 'field'},
      h('label', {for: 'find-order'}, 'Order'), id),
    h('button', {type: 'submit'}, 'Show')));
}

// The rows behind the newest, fetched page after page.
class Older {
  constructor(list, button, problem) {
    Object.assign(this, {list, button, problem, rows: [], next: null});
    button.addEventListener('click', () => this.more());
  }

  async more() {
    this.button.disabled = true;
    try {
      const answer = await page(this.next);
      this.rows.push(...answer.rows);
      this.next = answer.next;
      drawOrders(this.list, this.rows);
      show(this.problem, false);
    } catch (error) {
      say(this.problem, sentence(error));
      show(this.problem, true);
    }
    this.button.disabled = false;
    show(this.button, Boolean(this.next));
  }
}

function listParts(live) {
  const parts = {
    list: orderList(live ? 'The newest orders' : 'Orders'),
    older: orderList('Older orders'),
    button: h('button', {type: 'button', class: 'quiet'}, 'Show older'),
    problem: h('p', {class: 'form-error', role: 'alert', hidden: true}),
    empty: h('p', {class: 'empty'}, 'Asking the gateway …'),
    note: live ? feedNote(orders) : null,
  };
  show(parts.button, false);
  parts.node = h('section', {class: 'panel latest', 'aria-label': 'Orders'},
    h('div', {class: 'panel-head'},
      h('h2', {}, live ? 'Newest first' : 'Chosen orders'),
      live ? parts.note.node : null),
    parts.list, parts.older, parts.empty, parts.problem,
    h('div', {class: 'row-end'}, parts.button));
  return parts;
}

// Older rows than the live ones begin where these end when first asked for.
function liveList(parts) {
  const older = new Older(parts.older, parts.button, parts.problem);
  const ask = older.more.bind(older);
  older.more = () => {
    if (!older.next && older.rows.length === 0) {
      const last = orders.latest(LIVE_ROWS).at(-1);
      older.next = `/orders?order=desc&limit=${PAGE_ROWS}&after=${last.id}`;
    }
    return ask();
  };
  const draw = drawing(() => {
    parts.note.draw();
    if (paused.now) return;
    const rows = orders.latest(LIVE_ROWS);
    drawOrders(parts.list, rows);
    say(parts.empty, orders.error && !orders.loaded ? sentence(orders.error)
      : 'No order yet. Place the first one.');
    show(parts.empty, rows.length === 0 &&
      Boolean(orders.loaded || orders.error));
    if (older.rows.length === 0) show(parts.button, rows.length === LIVE_ROWS);
  }, 200);
  const ends = [orders.listen(draw), onPause(draw)];
  draw();
  return () => ends.forEach((end) => end());
}

function chosenList(parts, query) {
  const older = new Older(parts.list, parts.button, parts.problem);
  older.next = `/orders?order=desc&limit=${PAGE_ROWS}&${query}`;
  older.more().then(() => {
    say(parts.empty, older.next
      ? 'None among the latest. Older ones may be.'
      : 'No order is like that.');
    show(parts.empty, older.rows.length === 0 && parts.problem.hidden);
  });
  return () => {};
}

export function ordersPage(main, {query}) {
  const live = query.size === 0;
  const parts = listParts(live);
  const form = orderForm();
  main.append(h('h1', {}, 'Orders'),
    h('div', {class: 'two'},
      h('div', {class: 'column'}, filterForm(query), parts.node),
      h('div', {class: 'column side first'}, form.node)));
  const end = live ? liveList(parts) : chosenList(parts, query);
  return () => {
    end();
    form.end();
  };
}
