// The pipeline as a picture: who sends what to whom through the broker, how
// much of it, and how far behind each reader is.

import {svg, say, mark} from './dom.js';
import {count, short, span, bytes, NONE} from './format.js';
import {rateOf, lagOf, isOf, brokerIs} from './status.js';

const READERS = {orders: ['payment'], payments: ['ledger', 'gateway'],
  transactions: ['gateway', 'payment']};
const ROLES = {gateway: 'takes orders', payment: 'decides on credit',
  ledger: 'writes the books'};

// Two drawings of one thing: side by side, and below each other for a phone.
const WIDE = {
  name: 'wide', view: '0 0 860 262', band: [0, 150, 860, 112],
  label: [16, 254],
  processes: {gateway: [4, 40], payment: [294, 40], ledger: [584, 40]},
  topics: {orders: [136, 164], payments: [426, 164], transactions: [688, 164]},
  flows: [
    ['orders', 'M 84 112 V 180 Q 84 196 100 196 H 132'],
    ['orders', 'M 302 196 H 340 Q 356 196 356 180 V 116', 'payment'],
    ['payments', 'M 392 112 V 180 Q 392 196 408 196 H 422'],
    ['payments', 'M 592 196 H 616 Q 632 196 632 180 V 116', 'ledger'],
    ['transactions', 'M 666 112 V 180 Q 666 196 676 196 H 684'],
    ['transactions', 'M 800 160 V 24 Q 800 10 786 10 H 114 Q 100 10 100 24' +
      ' V 36', 'gateway'],
    ['transactions', 'M 400 10 Q 386 10 386 22 V 36', 'payment', true],
    ['payments', 'M 520 160 V 38 Q 520 24 506 24 H 78 Q 68 24 68 30 V 36',
      'gateway', true],
  ],
};
const TALL = {
  name: 'tall', view: '0 0 356 552', band: [176, 0, 180, 552],
  label: [190, 22],
  processes: {gateway: [12, 22], payment: [12, 202], ledger: [12, 382]},
  topics: {orders: [184, 92], payments: [184, 272], transactions: [184, 444]},
  flows: [
    ['orders', 'M 120 98 V 116 Q 120 128 132 128 H 180'],
    ['orders', 'M 180 146 H 112 Q 100 146 100 158 V 198', 'payment'],
    ['payments', 'M 120 278 V 296 Q 120 308 132 308 H 180'],
    ['payments', 'M 180 326 H 112 Q 100 326 100 338 V 378', 'ledger'],
    ['transactions', 'M 120 458 V 476 Q 120 488 132 488 H 180'],
    ['transactions', 'M 262 520 V 528 Q 262 540 250 540 H 14 Q 4 540 4 528' +
      ' V 66 Q 4 58 9 58', 'gateway'],
  ],
};
const PROCESS = {w: 160, h: 72};
const TOPIC = {w: 164, h: 72};

function text(x, y, kind, end) {
  return svg('text', {x, y, class: kind, 'text-anchor': end ? 'end' : null});
}

function processNode([x, y], name) {
  const parts = {
    node: svg('g', {class: 'process', transform: `translate(${x} ${y})`}),
    name: text(30, 24, 'node-name'), one: text(14, 44, 'node-line'),
    two: text(14, 61, 'node-line'),
    right: text(PROCESS.w - 12, 24, 'node-rate', true),
  };
  say(parts.name, name);
  parts.node.append(svg('rect', {width: PROCESS.w, height: PROCESS.h, rx: 9}),
    svg('circle', {class: 'lamp', cx: 18, cy: 19.5, r: 4.5}),
    svg('path', {class: 'cross', d: 'M 14 15.5 l 8 8 m 0 -8 l -8 8'}),
    parts.name, parts.one, parts.two, parts.right);
  return parts;
}

function topicNode([x, y], name) {
  const readers = READERS[name];
  const parts = {
    node: svg('g', {class: 'topic', transform: `translate(${x} ${y})`}),
    name: text(12, 22, 'topic-name'), rate: text(TOPIC.w - 12, 22, 'node-rate', true),
    lags: readers.map((reader, at) => ({
      reader, name: text(12, 43 + 17 * at, 'node-line'),
      lag: text(TOPIC.w - 12, 43 + 17 * at, 'lag', true)})),
  };
  say(parts.name, name);
  parts.node.append(
    svg('rect', {width: TOPIC.w, height: TOPIC.h, rx: 9}),
    parts.name, parts.rate);
  for (const lag of parts.lags) {
    say(lag.name, lag.reader);
    parts.node.append(lag.name, lag.lag);
  }
  return parts;
}

function arrowHead(id) {
  return svg('defs', {}, svg('marker', {id, viewBox: '0 0 8 8',
    refX: 6, refY: 4, markerWidth: 6.5, markerHeight: 6.5,
    orient: 'auto-start-reverse'},
  svg('path', {class: 'arrow-head', d: 'M 0 0.6 L 7 4 L 0 7.4 z'})));
}

function build(layout) {
  const [x, y, width, height] = layout.band;
  const drawing = {layout, processes: {}, topics: {}, flows: []};
  drawing.band = svg('g', {class: 'broker'},
    svg('rect', {x, y, width, height, rx: 12}));
  drawing.bandLabel = text(...layout.label, 'band-label');
  drawing.band.append(drawing.bandLabel);
  drawing.node = svg('svg', {class: `pipeline ${layout.name}`,
    viewBox: layout.view, role: 'img', 'aria-label': 'The pipeline'},
  arrowHead(`arrow-${layout.name}`), drawing.band);
  for (const [topic, path, reader, side] of layout.flows) {
    const line = svg('path', {class: side ? 'flow side' : 'flow', d: path,
      'marker-end': `url(#arrow-${layout.name})`});
    drawing.flows.push({topic, reader, line});
    drawing.node.append(line);
  }
  for (const [name, at] of Object.entries(layout.topics)) {
    drawing.topics[name] = topicNode(at, name);
    drawing.node.append(drawing.topics[name].node);
  }
  for (const [name, at] of Object.entries(layout.processes)) {
    drawing.processes[name] = processNode(at, name);
    drawing.node.append(drawing.processes[name].node);
  }
  return drawing;
}

function drawProcess(parts, name, row, pipeline) {
  const {status} = pipeline;
  const is = pipeline.state === 'down' || !row ? 'unknown' : isOf(row);
  mark(parts.node, 'data-state', is);
  const events = row && row.pid ? rateOf(`in ${name} ${row.pid}`) : null;
  const speed = name === 'gateway' ? rateOf('created') : events;
  say(parts.right, is === 'up' && speed != null ? `${short(speed)}/s` : '');
  if (is === 'down' || is === 'silent') {
    say(parts.one, `is ${is}`);
    say(parts.two, row.ageSeconds != null
      ? `heard of ${span(row.ageSeconds * 1000)} ago` : 'never heard of');
  } else if (is === 'unknown') {
    say(parts.one, 'not known');
    say(parts.two, 'nobody can ask it');
  } else {
    say(parts.one, row.outbox > 99 ? `${count(row.outbox)} to send`
      : ROLES[name]);
    say(parts.two, `up ${span(row.uptimeSeconds * 1000)}` +
      (row.restarts ? ` · ${count(row.restarts)} ` +
        `restart${row.restarts === 1 ? '' : 's'}`
        : ` · ${bytes(row.residentBytes)}`));
  }
}

// A batch on its way is no lag; more than a second's worth is.
function lateness(behind, speed) {
  if (behind > 5000 + 10 * speed) return 'much';
  return behind > 100 + speed ? 'some' : 'no';
}

function drawTopic(parts, name, pipeline) {
  const speed = rateOf(`topic ${name}`);
  say(parts.rate, speed == null ? NONE : `${short(speed)}/s`);
  for (const {reader, lag} of parts.lags) {
    const behind = lagOf(pipeline.status, reader, name);
    say(lag, behind == null ? NONE : behind === 0 ? 'up to date'
      : `${short(behind)} behind`);
    mark(lag, 'data-late', lateness(behind, speed || 0));
  }
}

function flowSpeed(pipeline, topic) {
  const speed = pipeline.state === 'up' && pipeline.status.broker.up
    ? rateOf(`topic ${topic}`) : 0;
  if (!speed) return 'still';
  return speed < 20 ? 'slow' : speed < 500 ? 'brisk' : 'fast';
}

// What the picture shows, for those who do not see it.
function words({status}) {
  const rows = status.processes.map((row) =>
    `${row.name} is ${isOf(row)}`);
  const lags = status.consumers.filter((row) => row.lag > 0).map((row) =>
    `${row.consumer} is ${row.lag} behind in ${row.topic}`);
  return `The pipeline: ${rows.join(', ')}. ` +
    (lags.length > 0 ? `${lags.join(', ')}.` : 'Every reader is up to date.');
}

export class PipelinePicture {
  constructor() {
    this.drawings = [build(WIDE), build(TALL)];
    this.nodes = this.drawings.map((drawing) => drawing.node);
  }

  draw(pipeline) {
    if (!pipeline.status) return;
    for (const drawing of this.drawings) this.drawOne(drawing, pipeline);
  }

  drawOne(drawing, pipeline) {
    const {status} = pipeline;
    const broker = pipeline.state === 'up' ? brokerIs(status) : 'down';
    mark(drawing.node, 'aria-label', words(pipeline));
    mark(drawing.band, 'data-state', broker);
    say(drawing.bandLabel, broker === 'up' ? 'broker: durable topics'
      : `broker is ${broker}`);
    for (const [name, parts] of Object.entries(drawing.processes)) {
      drawProcess(parts, name, status.processes.find((p) => p.name === name),
        pipeline);
    }
    for (const [name, parts] of Object.entries(drawing.topics)) {
      drawTopic(parts, name, pipeline);
    }
    for (const {topic, line} of drawing.flows) {
      mark(line, 'data-speed', flowSpeed(pipeline, topic));
    }
  }
}
