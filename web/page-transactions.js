// The ledger's journal, the newest first.

import {h, drawing, show} from './dom.js';
import {money, time} from './format.js';
import {page} from './api.js';
import {Table} from './table.js';
import {transactions, onPause, paused} from './shared.js';
import {feedNote} from './feed-note.js';

const ROWS = 50;
const TONES = {SUCCESSFUL: ['Booked', 'good'], REVERSED: ['Reversed', 'quiet'],
  UNSUCCESSFUL: ['Not booked', 'bad']};

function cells(row) {
  const [words, tone] = TONES[row.status] || [row.status, 'quiet'];
  return [`#${row.id}`, time(row.createdAt, true), money(row.amount),
    h('span', {class: 'pill', 'data-tone': tone}, words),
    h('a', {href: `#/orders/${row.orderId}`}, `#${row.orderId}`),
    String(row.userId)];
}

function live(table, note) {
  const draw = drawing(() => {
    note.draw();
    if (paused.now || !(transactions.loaded || transactions.error)) return;
    if (transactions.error && !transactions.loaded) {
      table.fail(transactions.error);
      return;
    }
    const newest = transactions.latest(ROWS);
    const last = newest.at(-1);
    const older = table.older || [];
    table.draw([...newest, ...older.filter((row) => row.id < last.id)]);
    show(table.problem, false);
    if (!table.older && newest.length === ROWS) {
      table.next = `/transactions?order=desc&limit=${ROWS}&after=${last.id}`;
      show(table.more, true);
    }
  }, 250);
  table.append = async () => {
    table.more.disabled = true;
    try {
      const {rows, next} = await page(table.next);
      table.older = [...(table.older || []), ...rows];
      table.next = next;
    } catch (error) {
      table.fail(error);
    }
    table.more.disabled = false;
    show(table.more, Boolean(table.next));
    draw();
  };
  const ends = [transactions.listen(draw), onPause(draw)];
  draw();
  return () => ends.forEach((end) => end());
}

export function transactionsPage(main, {query}) {
  const one = query.get('id');
  const note = feedNote(transactions);
  const settings = {caption: 'Transactions',
    empty: 'The ledger has written nothing yet.',
    columns: [{head: 'Transaction'}, {head: 'Written'},
      {head: 'Amount', number: true}, {head: 'State'}, {head: 'Order'},
      {head: 'User'}], cells};
  if (/^[0-9]+$/.test(one || '')) {
    settings.one = `/transactions/${one}`;
    settings.every = 2000;
  }
  const table = new Table(settings);
  main.append(h('div', {class: 'title'}, h('h1', {}, 'Transactions'),
    settings.one ? h('a', {href: '#/transactions'}, 'Show all') : note.node),
  table.node);
  if (!settings.one) return live(table, note);
  return table.start();
}
