// The dashboard: which page the address names, the banner, the token, keys.

import {say, mark, show} from './dom.js';
import {count} from './format.js';
import {onTokenNeeded, setToken} from './api.js';
import {brokerIs, isOf, onStatus, startStatus, statusNow} from './status.js';
import {paused, setPaused} from './shared.js';
import {overview} from './page-overview.js';
import {ordersPage} from './page-orders.js';
import {orderPage} from './page-order.js';
import {accountsPage} from './page-accounts.js';
import {transactionsPage} from './page-transactions.js';
import {parkedPage} from './page-parked.js';
import {cataloguePage} from './page-catalogue.js';

const PAGES = [
  [/^\/?$/, overview, 'Overview', '#/'],
  [/^\/orders$/, ordersPage, 'Orders', '#/orders'],
  [/^\/orders\/([1-9][0-9]*)$/, orderPage, 'Order', '#/orders'],
  [/^\/accounts$/, accountsPage, 'Accounts', '#/accounts'],
  [/^\/transactions$/, transactionsPage, 'Transactions', '#/transactions'],
  [/^\/parked$/, parkedPage, 'Parked events', '#/parked'],
  [/^\/catalogue$/, cataloguePage, 'Catalogue', '#/catalogue'],
];

const main = document.getElementById('main');
let endPage = () => {};

function markTab(tab) {
  for (const link of document.querySelectorAll('.tabs a')) {
    if (link.getAttribute('href') === tab) {
      link.setAttribute('aria-current', 'page');
      link.scrollIntoView({block: 'nearest', inline: 'nearest'});
    } else {
      link.removeAttribute('aria-current');
    }
  }
}

function nothing() {
  main.innerText = 'There is no such page.';
  return () => {};
}

// Shows what the address names; the focus goes there, unless it just began.
function route(first) {
  const [path, search = ''] = location.hash.replace(/^#/, '').split('?');
  const query = new URLSearchParams(search);
  endPage();
  main.replaceChildren();
  const found = PAGES.find(([pattern]) => pattern.test(path));
  const [pattern, page, title, tab] = found || [/(?:)/, nothing, 'Nothing', ''];
  const id = pattern.exec(path)[1];
  markTab(tab);
  document.title = `${title}${id ? ` ${id}` : ''} – sagapipe`;
  endPage = page(main, {id: id && Number(id), query});
  if (first !== true) {
    window.scrollTo(0, 0);
    main.focus({preventScroll: true});
  }
}

// One sentence about what is wrong with the pipeline; '' if nothing is.
function trouble({state, status, error}) {
  if (state === 'down') return 'The gateway does not answer. Trying again …';
  if (state === 'refused') {
    return error.status === 401 || error.status === 403 ? ''
      : `The gateway says: ${error.message}.`;
  }
  if (!status.broker.up) {
    return `The broker is ${brokerIs(status)}. ` +
      'Orders are still accepted, and wait on disk.';
  }
  const parts = ['down', 'silent'].flatMap((word) => {
    const names = status.processes.filter((row) => isOf(row) === word)
      .map((row) => row.name);
    return names.length === 0 ? []
      : [`${names.join(' and ')} ${names.length > 1 ? 'are' : 'is'} ${word}`];
  });
  if (parts.length === 0) return '';
  return `${parts.join(', ')}. ` +
    'Orders are still accepted, and go on when it is back.';
}

// A stop and start makes a moment's silence: said only when it lasts.
function watchPipeline() {
  const banner = document.getElementById('banner');
  const link = document.getElementById('link-state');
  const badge = document.getElementById('parked-count');
  let since = 0;
  onStatus((pipeline) => {
    const words = trouble(pipeline);
    since = words ? since || performance.now() : 0;
    const lasts = since && performance.now() - since > 900;
    if (lasts) say(banner, words);
    show(banner, Boolean(lasts));
    const up = pipeline.state === 'up';
    mark(link, 'data-state', up ? (words ? 'warn' : 'up')
      : pipeline.state === 'refused' ? 'warn' : 'down');
    say(link, up ? (words ? 'degraded' : 'all up')
      : pipeline.state === 'refused' ? 'limited' : 'no answer');
    const parked = pipeline.status ? pipeline.status.parked : 0;
    say(badge, count(parked));
    mark(badge, 'aria-label', `${count(parked)} parked`);
    show(badge, parked > 0);
    show(document.getElementById('token-open'), pipeline.state === 'refused');
  });
}

function tokenDialog() {
  const dialog = document.getElementById('token');
  const field = document.getElementById('token-field');
  let later = false;
  onTokenNeeded((wrong) => {
    show(document.getElementById('token-wrong'), wrong);
    if (!dialog.open && !later) dialog.showModal();
  });
  document.getElementById('token-open').addEventListener('click',
    () => dialog.showModal());
  document.getElementById('token-later').addEventListener('click', () => {
    later = true;
    dialog.close();
  });
  document.getElementById('token-form').addEventListener('submit', () => {
    later = false;
    setToken(field.value.trim());
    field.value = '';
    statusNow();
    route(true);
  });
}

function pauseButton() {
  const button = document.getElementById('pause');
  const flip = () => {
    setPaused(!paused.now);
    mark(button, 'aria-pressed', String(paused.now));
    say(button, paused.now ? 'Resume' : 'Pause');
  };
  button.addEventListener('click', flip);
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest('input, select, textarea, dialog');
    if (event.key === 'p' && !typing && !event.ctrlKey && !event.metaKey &&
      !event.altKey) flip();
  });
}

tokenDialog();
pauseButton();
watchPipeline();
startStatus();
// The skip link's target is no page.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener('hashchange', route);
route(true);
