// What the system's names mean, in words.

export const STATES = {
  ORDER_CREATED: {short: 'Open', tone: 'open'},
  ORDER_COMPLETED: {short: 'Completed', tone: 'good'},
  ORDER_FAILED: {short: 'Failed', tone: 'bad'},
  ORDER_CANCELLED: {short: 'Cancelled', tone: 'quiet'},
};

export function ended(order) {
  return order.status !== 'ORDER_CREATED';
}

// Of every name in src/saga/refusal.h.
export const REASONS = {
  DUPLICATE_CONFLICT: 'The same id was used before for something else.',
  UNKNOWN_USER: 'No account was opened for this user.',
  ACCOUNT_FROZEN: 'The account is frozen: it pays nothing until it is thawed.',
  CURRENCY_MISMATCH: 'The price is in another currency than the account.',
  CANCELLED: 'The order was cancelled. What was paid has been given back.',
  TIMEOUT: 'The order did not end in time, so it was cancelled.',
  INSUFFICIENT_CREDIT: 'The balance was smaller than the price.',
  LIMIT_EXCEEDED: 'The amount is above a limit. What was paid is given back.',
};

export const REASONS_SHORT = {
  DUPLICATE_CONFLICT: 'duplicate id',
  UNKNOWN_USER: 'unknown user',
  ACCOUNT_FROZEN: 'account frozen',
  CURRENCY_MISMATCH: 'other currency',
  CANCELLED: 'cancelled',
  TIMEOUT: 'too late',
  INSUFFICIENT_CREDIT: 'not enough credit',
  LIMIT_EXCEEDED: 'above a limit',
};

export function reasonWords(reason) {
  return REASONS[reason] || `Refused: ${reason}.`;
}

// The steps of a timeline: done, and what is said while it has not happened.
export const STEPS = {
  ORDER_CREATED: ['The order was accepted and is on disk', ''],
  PAYMENT_APPROVED: ['Payment took the price from the account',
    'Payment has not decided yet'],
  PAYMENT_DECLINED: ['Payment declined', ''],
  TRANSACTION_SUCCESSFUL: ['The ledger wrote the transaction',
    'The ledger has not written yet'],
  TRANSACTION_UNSUCCESSFUL: ['The ledger wrote nothing',
    'The ledger has not closed it yet'],
  CANCEL_REQUESTED: ['Somebody asked to cancel it', ''],
  PAYMENT_REFUNDED: ['Payment gave the money back',
    'Payment has not given the money back yet'],
  TRANSACTION_REVERSED: ['The ledger reversed the transaction',
    'The ledger has not reversed the transaction yet'],
  ORDER_COMPLETED: ['The order is completed',
    'The gateway has not completed it yet'],
  ORDER_FAILED: ['The order has failed', 'The gateway has not ended it yet'],
  ORDER_CANCELLED: ['The order is cancelled',
    'The gateway has not cancelled it yet'],
};

const AFTER_APPROVAL = [
  ['ledger', 'TRANSACTION_SUCCESSFUL'], ['gateway', 'ORDER_COMPLETED']];
const AFTER_CANCEL = [
  ['payment', 'PAYMENT_REFUNDED'], ['ledger', 'TRANSACTION_REVERSED'],
  ['gateway', 'ORDER_CANCELLED']];

// What an order's timeline still lacks, as [process, step], next one first.
export function missing(order) {
  const has = new Set((order.timeline || []).map((step) => step.what));
  const lacks = (steps) => steps.filter((step) => !has.has(step[1]));
  if (has.has('ORDER_CANCELLED')) return [];
  if (has.has('CANCEL_REQUESTED')) {
    const paid = has.has('PAYMENT_APPROVED');
    const written = has.has('TRANSACTION_SUCCESSFUL');
    return lacks(AFTER_CANCEL.filter(([, what]) =>
      what === 'ORDER_CANCELLED' ||
      (what === 'PAYMENT_REFUNDED' ? paid || !ended(order) : written)));
  }
  if (order.status === 'ORDER_FAILED') {
    return has.has('PAYMENT_APPROVED') && order.reason === 'LIMIT_EXCEEDED'
      ? lacks([['payment', 'PAYMENT_REFUNDED']]) : [];
  }
  if (ended(order)) return [];
  if (has.has('PAYMENT_DECLINED')) {
    return lacks([['ledger', 'TRANSACTION_UNSUCCESSFUL'],
      ['gateway', 'ORDER_FAILED']]);
  }
  return lacks([['payment', 'PAYMENT_APPROVED'], ...AFTER_APPROVAL]);
}

const PARKED_CAUSES = {
  refused: 'it contradicts what the process knows',
  malformed: 'it could not be read',
  behind: 'it waits behind another event of its order',
  behind_user: 'it waits behind another event of its user',
};

export function parkedWords(cause) {
  return PARKED_CAUSES[cause] || cause;
}
