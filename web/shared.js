// What pages share: the feeds, the pause button, asking "are you sure?".

import {Feed} from './feed.js';

export const orders = new Feed({list: '/orders', stream: '/orders/stream?latest=100',
  event: 'order'});
export const transactions = new Feed({list: '/transactions',
  stream: '/transactions/stream?latest=100', event: 'transaction'});

export const paused = {now: false, listeners: new Set()};

export function setPaused(now) {
  paused.now = now;
  for (const listener of paused.listeners) listener(now);
}

export function onPause(listener) {
  paused.listeners.add(listener);
  return () => paused.listeners.delete(listener);
}

// Resolves to true if the person says yes.
export function sure(title, text, yes) {
  const dialog = document.getElementById('sure');
  document.getElementById('sure-title').textContent = title;
  document.getElementById('sure-text').textContent = text;
  document.getElementById('sure-yes').textContent = yes;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener('close',
      () => done(dialog.returnValue === 'yes'), {once: true});
  });
}
