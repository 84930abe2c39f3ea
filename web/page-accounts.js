// Credit accounts: what each may spend, and an operator's commands.

import {h, say, mark, show} from './dom.js';
import {money} from './format.js';
import {send, sentence} from './api.js';
import {Table} from './table.js';

const TONES = {ACTIVE: ['Active', 'good'], FROZEN: ['Frozen', 'bad'],
  OPENING: ['Opening', 'open']};

function said(node, words, tone) {
  say(node, words);
  mark(node, 'data-tone', tone);
  show(node, true);
}

// Runs a command and says how it went; the effect shows in the table.
async function command(result, table, words, run) {
  try {
    await run();
    said(result, words, 'good');
  } catch (error) {
    said(result, sentence(error), 'bad');
  }
  table.refresh();
  setTimeout(() => table.refresh(), 400);
}

function field(id, label, attributes) {
  return h('div', {class: 'field'}, h('label', {for: id}, label),
    h('input', {id, type: 'number', required: true, ...attributes}));
}

const AMOUNT = {min: 0, max: '90071992547409', step: '0.01',
  inputmode: 'decimal'};

function openForm(table, result) {
  const form = h('form', {class: 'panel order-form', onsubmit: (event) => {
    event.preventDefault();
    const user = form.querySelector('#open-user').value;
    const balance = form.querySelector('#open-balance').value;
    command(result, table, `Account ${user} will be opened.`, () =>
      send('POST', '/users', {userId: Number(user), balance}));
  }}, h('h2', {}, 'Open an account'),
  field('open-user', 'User', {min: 1, max: Number.MAX_SAFE_INTEGER, step: 1,
    inputmode: 'numeric'}),
  field('open-balance', 'Credit', AMOUNT),
  h('button', {type: 'submit', class: 'primary'}, 'Open'));
  return form;
}

function creditForm(table, result) {
  const form = h('form', {class: 'panel order-form', onsubmit: (event) => {
    event.preventDefault();
    const user = form.querySelector('#credit-user').value;
    const amount = form.querySelector('#credit-amount').value;
    command(result, table, `User ${user} will get ${money(amount)}.`, () =>
      send('POST', `/users/${user}/credits`, {amount}));
  }}, h('h2', {}, 'Give credit'),
  field('credit-user', 'User', {min: 1, max: Number.MAX_SAFE_INTEGER, step: 1,
    inputmode: 'numeric'}),
  field('credit-amount', 'Amount', {...AMOUNT, min: '0.01'}),
  h('button', {type: 'submit', class: 'primary'}, 'Give'));
  return form;
}

function rowActions(row, act, credit) {
  const frozen = row.state === 'FROZEN';
  return h('div', {class: 'row row-end'},
    h('button', {type: 'button', class: 'small',
      'aria-label': `Give credit to user ${row.id}`,
      onclick: () => credit(row.id)}, 'Credit'),
    h('button', {type: 'button', class: 'small', 'aria-label':
      `${frozen ? 'Thaw' : 'Freeze'} user ${row.id}`,
    onclick: () => act(row.id, frozen ? 'thaw' : 'freeze')},
    frozen ? 'Thaw' : 'Freeze'));
}

export function accountsPage(main) {
  const result = h('p', {class: 'result', role: 'status', hidden: true});
  const act = (user, what) => command(result, table,
    `User ${user} will be ${what === 'thaw' ? 'thawed' : 'frozen'}.`,
    () => send('POST', `/users/${user}/${what}`));
  const credit = (user) => {
    document.getElementById('credit-user').value = user;
    document.getElementById('credit-amount').focus();
  };
  const table = new Table({path: '/users?limit=100', every: 2000,
    caption: 'Accounts', empty: 'No account yet. Open the first one.',
    columns: [{head: 'User'}, {head: 'Balance', number: true}, {head: 'State'},
      {head: 'Commands', number: true}],
    cells: (row) => {
      const [words, tone] = TONES[row.state] || [row.state, 'quiet'];
      return [String(row.id), money(row.balance),
        h('span', {class: 'pill', 'data-tone': tone}, words),
        rowActions(row, act, credit)];
    }});
  main.append(h('h1', {}, 'Accounts'), h('div', {class: 'two'},
    h('div', {class: 'column'}, table.node),
    h('div', {class: 'column side'}, result, creditForm(table, result),
      openForm(table, result))));
  return table.start();
}
