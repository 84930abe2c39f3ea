// Products and their prices.

import {h, say, mark, show} from './dom.js';
import {money} from './format.js';
import {send, sentence} from './api.js';
import {Table} from './table.js';

function priceForm(table) {
  const result = h('p', {class: 'result', role: 'status', hidden: true});
  const id = h('input', {id: 'product-id', type: 'number', min: 1, step: 1,
    max: Number.MAX_SAFE_INTEGER, required: true, inputmode: 'numeric'});
  const price = h('input', {id: 'product-price', type: 'number', min: 0,
    max: '90071992547409', step: '0.01', required: true,
    inputmode: 'decimal'});
  const node = h('form', {class: 'panel order-form', onsubmit: async (event) => {
    event.preventDefault();
    try {
      await send('PUT', `/products/${id.value}`, {price: price.value});
      say(result, `Product ${id.value} costs ${money(price.value)} from now on.`);
      mark(result, 'data-tone', 'good');
    } catch (error) {
      say(result, sentence(error));
      mark(result, 'data-tone', 'bad');
    }
    show(result, true);
    table.refresh();
  }}, h('h2', {}, 'Set a price'),
  h('p', {class: 'muted'}, 'Orders keep the price they were placed with.'),
  h('div', {class: 'field'}, h('label', {for: 'product-id'}, 'Product'), id),
  h('div', {class: 'field'}, h('label', {for: 'product-price'}, 'Price'),
    price),
  h('button', {type: 'submit', class: 'primary'}, 'Set'), result);
  return {node, choose: (row) => {
    id.value = row.id;
    price.value = row.price.toFixed(2);
    price.focus();
    price.select();
  }};
}

export function cataloguePage(main) {
  const table = new Table({path: '/products?limit=100', every: 5000,
    caption: 'Catalogue', empty: 'There is no product yet.',
    columns: [{head: 'Product'}, {head: 'Price', number: true},
      {head: 'Commands', number: true}],
    cells: (row) => [String(row.id), money(row.price),
      h('div', {class: 'row row-end'}, h('button', {type: 'button',
        class: 'small', 'aria-label': `Change the price of product ${row.id}`,
        onclick: () => form.choose(row)}, 'Change'))]});
  const form = priceForm(table);
  main.append(h('h1', {}, 'Catalogue'), h('div', {class: 'two'},
    h('div', {class: 'column'}, table.node),
    h('div', {class: 'column side'}, form.node)));
  return table.start();
}
