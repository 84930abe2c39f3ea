// A list of the gateway's as a table: asked for again while one looks, and
// page after page.

import {h, say, show, keyed} from './dom.js';
import {get, page, sentence} from './api.js';

// {path or one, caption, columns: [{head, number}], cells(row), empty, every}:
// path is of a list, one of a single row;
// cells answers nodes or texts, one per column.
export class Table {
  constructor(settings) {
    this.settings = settings;
    this.rows = [];
    this.body = h('tbody');
    this.empty = h('p', {class: 'empty'}, 'Asking the gateway …');
    this.problem = h('p', {class: 'form-error', role: 'alert', hidden: true});
    this.more = h('button', {type: 'button', class: 'quiet', hidden: true,
      onclick: () => this.append()}, 'Show more');
    this.node = h('section', {class: 'panel'},
      h('div', {class: 'scroll', tabindex: '0', role: 'region',
        'aria-label': settings.caption},
      h('table', {}, h('caption', {class: 'hidden'}, settings.caption),
        h('thead', {}, h('tr', {}, ...settings.columns.map((column) =>
          h('th', {scope: 'col', class: column.number ? 'number' : null},
            column.head)))), this.body)),
      this.empty, this.problem, h('div', {class: 'row-end'}, this.more));
  }

  fillRow(node, row) {
    node.replaceChildren(...this.settings.cells(row).map((cell, at) =>
      h(at === 0 ? 'th' : 'td', {scope: at === 0 ? 'row' : null,
        class: this.settings.columns[at].number ? 'number' : null}, cell)));
  }

  draw(rows) {
    const old = new Map(this.rows.map((row) => [row.id, row]));
    // A row that did not change stays the object it was: not drawn again.
    this.rows = rows.map((row) => {
      const before = old.get(row.id);
      return before && JSON.stringify(before) === JSON.stringify(row)
        ? before : row;
    });
    keyed(this.body, this.rows, (row) => row.id, () => h('tr'),
      (node, row) => this.fillRow(node, row));
    say(this.empty, this.settings.empty);
    show(this.empty, this.rows.length === 0);
  }

  fail(error) {
    const words = sentence(error);
    say(this.problem, words);
    show(this.problem, true);
    show(this.empty, false);
  }

  // The first page again; rows of later pages stay as they are.
  async refresh() {
    try {
      const {rows, next} = this.settings.one
        ? {rows: [await get(this.settings.one)], next: null}
        : await page(this.settings.path);
      if (this.ended) return;
      const fresh = new Set(rows.map((row) => row.id));
      this.draw([...rows, ...this.rows.slice(rows.length)
        .filter((row) => !fresh.has(row.id))]);
      if (this.rows.length <= rows.length) this.next = next;
      show(this.more, Boolean(this.next));
      show(this.problem, false);
    } catch (error) {
      if (!this.ended) this.fail(error);
    }
  }

  async append() {
    this.more.disabled = true;
    try {
      const {rows, next} = await page(this.next);
      this.next = next;
      this.draw([...this.rows, ...rows]);
    } catch (error) {
      this.fail(error);
    }
    this.more.disabled = false;
    show(this.more, Boolean(this.next));
  }

  start() {
    const turn = async () => {
      if (!document.hidden) await this.refresh();
      if (!this.ended && this.settings.every) {
        this.timer = setTimeout(turn, this.settings.every);
      }
    };
    turn();
    return () => {
      this.ended = true;
      clearTimeout(this.timer);
    };
  }
}
