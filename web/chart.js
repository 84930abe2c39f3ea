// A chart over the last minutes: dygraphs, in the colours of the page.

import {h, say} from './dom.js';

/* global Dygraph */

const WINDOW_MS = 300000;
const WINDOW_MS_MIN = 60000;
// Its legend writes styles into markup, which the page's policy forbids.
Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) =>
  String(plugin.prototype) !== 'Legend Plugin');

function colour(name) {
  return getComputedStyle(document.documentElement)
    .getPropertyValue(name).trim();
}

const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit', minute: '2-digit', second: '2-digit'});

// None so far left that it would stand on the other axis.
function clockLabel(when, granularity, option, graph) {
  return graph.toDomXCoord(when) < 76 ? '' : clock.format(when);
}

function optionsFor({series, format, axis}) {
  return {
    labels: ['time', ...series.map((s) => s.name)],
    colors: series.map((s) => colour(s.colour)),
    axisLineColor: colour('--line'),
    gridLineColor: colour('--line'),
    gridLineWidth: 0.6,
    strokeWidth: 1.6,
    highlightCircleSize: 3,
    fillGraph: true,
    fillAlpha: 0.07,
    includeZero: true,
    connectSeparatedPoints: true,
    interactionModel: {},
    axisLabelFontSize: 11,
    axes: {
      x: {drawGrid: false, axisLabelWidth: 58, pixelsPerLabel: 90,
        axisLabelFormatter: clockLabel},
      y: {axisLabelFormatter: axis || format, axisLabelWidth: 46,
        pixelsPerLabel: 34},
    },
  };
}

// {title, series: [{name, colour}], format(value), axis(value)}
export class Chart {
  constructor(settings) {
    this.settings = settings;
    this.values = settings.series.map(() => h('b', {}));
    this.keys = h('div', {class: 'keys', 'aria-hidden': 'true'},
      settings.series.map(({name}, at) =>
        h('span', {class: `key key-${at}`}, name, this.values[at])));
    this.canvas = h('div', {class: 'plot', role: 'img',
      'aria-label': `${settings.title}: no figures yet`});
    this.node = h('section', {class: 'panel chart'},
      h('div', {class: 'panel-head'}, h('h2', {}, settings.title), this.keys),
      this.canvas);
    this.dark = matchMedia('(prefers-color-scheme: dark)');
    this.recolour = () => this.graph &&
      this.graph.updateOptions(optionsFor(this.settings));
    this.dark.addEventListener('change', this.recolour);
    this.size = new ResizeObserver(() => this.graph && this.graph.resize());
    this.size.observe(this.canvas);
  }

  draw(points) {
    if (!this.canvas.isConnected || this.canvas.clientWidth === 0) return;
    const now = Date.now();
    const rows = points.length > 0 ? points
      : [[new Date(now), ...this.settings.series.map(() => null)]];
    const since = Math.max(now - WINDOW_MS,
      Math.min(rows[0][0].getTime(), now - WINDOW_MS_MIN));
    const change = {file: rows, dateWindow: [since, now]};
    if (this.graph) this.graph.updateOptions(change);
    else this.begin(change);
    const last = rows[rows.length - 1];
    this.canvas.setAttribute('aria-label', `${this.settings.title}, now: ` +
      this.settings.series.map((s, at) => `${s.name} ` +
        (last[at + 1] == null ? 'none' : this.settings.format(last[at + 1])))
        .join(', '));
  }

  begin(change) {
    this.graph = new Dygraph(this.canvas, change.file, {
      ...optionsFor(this.settings), dateWindow: change.dateWindow,
      highlightCallback: (event, x, points) => this.tell(points),
      unhighlightCallback: () => this.tell([])});
  }

  // The values under the pointer, beside their names.
  tell(points) {
    this.settings.series.forEach(({name}, at) => {
      const point = points.find((one) => one.name === name);
      say(this.values[at], point && point.yval != null
        ? ` ${this.settings.format(point.yval)}` : '');
    });
  }

  end() {
    this.dark.removeEventListener('change', this.recolour);
    this.size.disconnect();
    if (this.graph) this.graph.destroy();
  }
}
