// Parts of pages that are about orders: the state's pill, the list, the form.

import {h, say, mark, keyed, show} from './dom.js';
import {money, time, span, between} from './format.js';
import {STATES, REASONS_SHORT, ended} from './words.js';
import {get, newKey, send, sentence, Refusal} from './api.js';
import {orders} from './shared.js';

export function pill(order) {
  const node = h('span', {class: 'pill'});
  setPill(node, order);
  return node;
}

export function setPill(node, order) {
  const {short, tone} = STATES[order.status] ||
    {short: order.status, tone: 'quiet'};
  const cancels = order.cancelRequestedAt && !order.status.includes('CANCEL') &&
    order.status !== 'ORDER_FAILED';
  say(node, cancels ? 'Cancelling' : short);
  mark(node, 'data-tone', cancels ? 'quiet' : tone);
}

const WATCH_MS = 700;

function makeRow(order) {
  const id = h('a', {href: `#/orders/${order.id}`, class: 'id'},
    `#${order.id}`);
  const what = h('span', {class: 'what'}, `user ${order.userId}`,
    h('span', {class: 'muted'}, ` · product ${order.productId}` +
      (order.quantity > 1 ? ` × ${order.quantity}` : '')));
  const row = h('li', {}, id, what,
    h('span', {class: 'price'}, money(order.price)),
    h('span', {class: 'pill'}), h('span', {class: 'note'}));
  return row;
}

function updateRow(row, order) {
  const [, , , state, note] = row.children;
  setPill(state, order);
  if (row.item && row.item.status !== order.status) {
    row.classList.remove('changed');
    void row.offsetWidth;
    row.classList.add('changed');
  }
  const took = ended(order) && order.status === 'ORDER_COMPLETED'
    ? span(between(order.createdAt, order.updatedAt)) : '';
  say(note, order.reason && order.status === 'ORDER_FAILED'
    ? REASONS_SHORT[order.reason] || order.reason
    : took ? `in ${took}` : `since ${time(order.updatedAt)}`);
}

// A list of orders, the newest first.
export function orderList(label) {
  return h('ol', {class: 'orders', 'aria-label': label});
}

export function drawOrders(list, rows) {
  keyed(list, rows, (order) => order.id, makeRow, updateRow);
}

function field(label, input) {
  input.id = `field-${label.toLowerCase().replace(/\W+/g, '-')}`;
  return h('div', {class: 'field'}, h('label', {for: input.id}, label), input);
}

async function fillProducts(select) {
  try {
    const products = await get('/products?limit=200');
    const chosen = select.value;
    select.replaceChildren(...products.map((product) =>
      h('option', {value: product.id},
        `${product.id} · ${money(product.price)}`)));
    if (chosen) select.value = chosen;
    if (products.length === 0) {
      select.append(h('option', {value: ''}, 'no products yet'));
    }
  } catch {
    if (select.options.length === 0) {
      select.append(h('option', {value: ''}, 'not known'));
    }
  }
}

// Tells of an order under the form until it has ended.  Where many go by, the
// list may never hold it: so it is asked for, too.
function watch(result, id) {
  const tell = (order = orders.rows.get(id)) => {
    if (!order || !ended(order)) return;
    result.stop();
    result.stop = () => {};
    const words = STATES[order.status].short.toLowerCase();
    say(result.words, order.reason
      ? ` ${words}: ${REASONS_SHORT[order.reason] || order.reason}`
      : ` ${words} in ${span(between(order.createdAt, order.updatedAt))}`);
    mark(result.node, 'data-tone', STATES[order.status].tone);
  };
  result.stop();
  const unlisten = orders.listen(() => tell());
  const timer = setInterval(() =>
    get(`/orders/${id}`).then(tell, () => {}), WATCH_MS);
  result.stop = () => {
    unlisten();
    clearInterval(timer);
  };
  tell();
}

async function place(form, result, keys) {
  const {user, product, quantity, button} = form;
  const body = {userId: Number(user.value), productId: Number(product.value),
    quantity: Number(quantity.value)};
  const asked = JSON.stringify(body);
  // Sent again after no answer, it is the same order.
  if (keys.asked !== asked) Object.assign(keys, {asked, key: newKey()});
  button.disabled = true;
  try {
    const order = await send('POST', '/orders', body,
      {'Idempotency-Key': keys.key});
    keys.asked = null;
    result.link.href = `#/orders/${order.id}`;
    say(result.link, `Order ${order.id}`);
    say(result.words, ' placed …');
    mark(result.node, 'data-tone', 'open');
    watch(result, order.id);
  } catch (error) {
    if (error instanceof Refusal && error.status < 500) keys.asked = null;
    say(result.link, '');
    say(result.words, sentence(error));
    mark(result.node, 'data-tone', 'bad');
  }
  show(result.node, true);
  button.disabled = false;
}

export function orderForm() {
  const form = {
    user: h('input', {type: 'number', min: 1, max: Number.MAX_SAFE_INTEGER,
      step: 1, required: true, value: 1, inputmode: 'numeric'}),
    product: h('select', {required: true}),
    quantity: h('input', {type: 'number', min: 1, max: 1000, step: 1,
      required: true, value: 1, inputmode: 'numeric'}),
    button: h('button', {class: 'primary', type: 'submit'}, 'Place order'),
  };
  const result = {link: h('a', {href: '#/'}), words: h('span', {}),
    stop: () => {}};
  result.node = h('p', {class: 'result', role: 'status', hidden: true},
    result.link, result.words);
  const keys = {};
  const node = h('form', {class: 'panel order-form', 'aria-label':
    'Place an order', onsubmit: (event) => {
    event.preventDefault();
    place(form, result, keys);
  }},
  field('User', form.user), field('Product', form.product),
  field('Quantity', form.quantity), form.button, result.node);
  fillProducts(form.product);
  return {node, end: () => result.stop()};
}
