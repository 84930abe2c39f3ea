// Elements without markup: whatever text comes from outside stays text.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value == null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child != null));
  return node;
}

export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

// Touches the page only where something changed.
export function say(node, text) {
  const words = String(text);
  if (node.textContent !== words) node.textContent = words;
}

export function mark(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

// A function that has draw() called once, in the next frame, however often it
// is called before; and not more often than every `pause` ms.
export function drawing(draw, pause = 0) {
  let waits = false;
  let last = -Infinity;
  const run = () => {
    waits = false;
    last = performance.now();
    draw();
  };
  return () => {
    if (waits) return;
    waits = true;
    const rest = last + pause - performance.now();
    if (rest > 0) setTimeout(() => requestAnimationFrame(run), rest);
    else requestAnimationFrame(run);
  };
}

// Makes parent's children those of `items`, in that order: each child is made
// once per key, and told of its item again when it changed.
export function keyed(parent, items, keyOf, make, update) {
  const rows = parent.rowsByKey || (parent.rowsByKey = new Map());
  const wanted = new Set();
  let at = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    wanted.add(key);
    let row = rows.get(key);
    if (!row) {
      row = make(item);
      rows.set(key, row);
      update(row, item);
      row.item = item;
    } else if (row.item !== item) {
      update(row, item);
      row.item = item;
    }
    if (row === at) at = at.nextSibling;
    else parent.insertBefore(row, at);
  }
  for (const [key, row] of rows) {
    if (!wanted.has(key)) {
      rows.delete(key);
      row.remove();
    }
  }
}
