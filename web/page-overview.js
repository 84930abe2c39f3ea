// The first page: figures, the pipeline, charts, the latest orders.

import {h, say, mark, drawing, show} from './dom.js';
import {count, rate, span, bytes, NONE} from './format.js';
import {isOf, onStatus, pipeline, points, rateOf} from './status.js';
import {orders, onPause, paused} from './shared.js';
import {PipelinePicture} from './pipeline.js';
import {Chart} from './chart.js';
import {orderList, drawOrders, orderForm} from './order-parts.js';
import {feedNote} from './feed-note.js';

const ROWS = 16;
const LATE_S = 10;  // an open order older than that is worth a look
const FAST = 25;    // changes a second that can still be followed by eye

function figure(label, title) {
  const value = h('dd', {}, NONE);
  const note = h('dd', {class: 'figure-note'});
  const node = h('div', {class: 'figure', title}, h('dt', {}, label), value,
    note);
  return {node, set: (text, more, tone) => {
    say(value, text);
    say(note, more || '');
    mark(node, 'data-tone', tone || 'none');
  }};
}

function figures() {
  const all = {
    placed: figure('Orders', 'Accepted per second'),
    completed: figure('Completed', 'Completed per second'),
    failed: figure('Refused', 'Orders that ended with a refusal, per second'),
    latency: figure('Latency', 'From accepted to ended: half of all orders ' +
      'took less (estimated from the gateway’s histogram)'),
    open: figure('Open', 'Accepted and not ended yet'),
    parked: figure('Parked', 'Events that wait for an operator'),
  };
  const node = h('dl', {class: 'figures'},
    ...Object.values(all).map((one) => one.node));
  return {node, draw: () => drawFigures(all)};
}

function perSecond(value) {
  return value == null ? NONE : `${rate(value)}/s`;
}

function drawFigures(all) {
  const {status} = pipeline;
  if (!status) return;
  const {orders: sum} = status;
  all.placed.set(perSecond(rateOf('created')), `${count(sum.created)} in all`);
  all.completed.set(perSecond(rateOf('completed')),
    `${count(sum.completed)} in all`);
  all.failed.set(perSecond(rateOf('failed')), `${count(sum.failed)} in all`);
  const latest = points.latency.findLast((point) => point[1] != null);
  all.latency.set(latest ? span(latest[1]) : NONE,
    latest ? `99 %: ${span(latest[2])}` : 'none has ended yet');
  const age = sum.oldestOpenSeconds;
  all.open.set(count(sum.open), age == null ? 'none waits'
    : `oldest ${span(age * 1000)}`, age > LATE_S ? 'warn' : 'none');
  all.parked.set(count(status.parked),
    status.parked > 0 ? 'wait for an operator' : 'nothing waits',
    status.parked > 0 ? 'warn' : 'none');
}

function charts() {
  const throughput = new Chart({title: 'Throughput',
    format: (value) => `${rate(value)}/s`, axis: (value) => rate(value),
    series: [{name: 'placed', colour: '--open'},
      {name: 'completed', colour: '--good'},
      {name: 'refused', colour: '--bad'}]});
  const latency = new Chart({title: 'Latency', format: span, axis: span,
    series: [{name: 'half within', colour: '--accent'},
      {name: '99 % within', colour: '--warn'}]});
  return {nodes: [throughput.node, latency.node],
    draw: () => {
      throughput.draw(points.rates);
      latency.draw(points.latency);
    },
    end: () => {
      throughput.end();
      latency.end();
    }};
}

function cells(...values) {
  return values.map((value, at) =>
    h(at === 0 ? 'th' : 'td', {scope: at === 0 ? 'row' : null,
      class: at === 0 ? null : 'number'}, value));
}

function table(caption, heads, rows) {
  return h('div', {class: 'scroll', tabindex: '0', role: 'region',
    'aria-label': caption},
  h('table', {}, h('caption', {}, caption),
    h('thead', {}, h('tr', {}, ...heads.map((head, at) =>
      h('th', {scope: 'col', class: at > 0 ? 'number' : null}, head)))),
    h('tbody', {}, ...rows.map((row) => h('tr', {}, ...cells(...row))))));
}

// Everything that GET /status says, as tables.
function details() {
  const body = h('div', {class: 'details-body'});
  const node = h('details', {class: 'panel details'},
    h('summary', {}, 'Every process, topic and consumer'), body);
  const draw = () => {
    const {status} = pipeline;
    if (!status || !node.open) return;
    const scrolled = [...body.children].map((child) => child.scrollLeft);
    const focused = [...body.children].indexOf(document.activeElement);
    body.replaceChildren(
      table('Processes', ['process', 'is', 'pid', 'up for', 'restarts',
        'memory', 'outbox', 'parked', 'longest fsync'],
      status.processes.map((row) => [row.name, isOf(row),
        row.pid ? String(row.pid) : NONE, row.uptimeSeconds == null ? NONE
          : span(row.uptimeSeconds * 1000), count(row.restarts),
        bytes(row.residentBytes), count(row.outbox), count(row.parked),
        row.flushMaxSeconds == null ? NONE : span(row.flushMaxSeconds * 1000)])),
      table('Topics', ['topic', 'partition', 'events', 'kept from', 'size'],
        status.topics.map((row) => [row.topic, count(row.partition),
          count(row.end), count(row.begin), bytes(row.bytes)])),
      table('Consumers', ['consumer', 'topic', 'position', 'behind'],
        status.consumers.map((row) => [row.consumer,
          `${row.topic}/${row.partition}`, count(row.position),
          count(row.lag)])));
    [...body.children].forEach((child, at) => {
      child.scrollLeft = scrolled[at] || 0;
    });
    if (focused >= 0) body.children[focused].focus();
  };
  node.addEventListener('toggle', draw);
  return {node, draw};
}

function latestOrders() {
  const list = orderList('The latest orders');
  const note = feedNote(orders);
  const empty = h('p', {class: 'empty', hidden: true},
    'No order yet. Place one above, and watch it pass.');
  const node = h('section', {class: 'panel latest', 'aria-label':
    'Latest orders'},
  h('div', {class: 'panel-head'}, h('h2', {}, 'Latest orders'), note.node),
  list, empty, h('p', {class: 'more'},
    h('a', {href: '#/orders'}, 'All orders')));
  const now = () => {
    note.draw();
    if (paused.now) return;
    const rows = orders.latest(ROWS);
    show(empty, Boolean(orders.loaded) && rows.length === 0);
    drawOrders(list, rows);
  };
  // What changes faster than the eye is shown four times a second.
  const slowly = drawing(now, 250);
  const quickly = drawing(now);
  const draw = () => (rateOf('created') > FAST ? slowly : quickly)();
  return {node, draw};
}

export function overview(main) {
  const picture = new PipelinePicture();
  const parts = [figures(), charts(), details()];
  const [strip, plots, more] = parts;
  const latest = latestOrders();
  const form = orderForm();
  const wait = h('p', {class: 'empty'}, 'Asking the gateway …');
  main.append(h('h1', {class: 'hidden'}, 'Overview'),
    h('div', {class: 'overview'},
      h('div', {class: 'column'}, strip.node,
        h('section', {class: 'panel picture', 'aria-label': 'Pipeline'},
          wait, ...picture.nodes),
        h('div', {class: 'charts'}, ...plots.nodes), more.node),
      h('div', {class: 'column side'}, form.node, latest.node)));
  const drawNow = () => {
    show(wait, !pipeline.status);
    if (pipeline.error && pipeline.state === 'refused') {
      say(wait, pipeline.error.status === 401
        ? 'The gateway shows its pipeline to those who have a token.'
        : 'The pipeline is shown to operators. Orders can still be placed.');
    }
    picture.draw(pipeline);
    strip.draw();
    if (paused.now) return;
    plots.draw();
    more.draw();
  };
  const draw = drawing(drawNow);
  const ends = [onStatus(draw), orders.listen(latest.draw),
    onPause(() => {
      latest.draw();
      draw();
    }), form.end, plots.end];
  draw();
  latest.draw();
  return () => ends.forEach((end) => end());
}
