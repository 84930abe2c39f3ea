// Debian's chromium, and pages that remember what went wrong in them.

import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {chromium} from 'playwright-core';

const ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu',
  '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

export const LIMIT_MS = 20000;
export const DESK = {viewport: {width: 1280, height: 800}};
export const PHONE = {viewport: {width: 360, height: 740}, isMobile: true,
  hasTouch: true, deviceScaleFactor: 2};

export class Browser {
  async open(settings = DESK) {
    this.profile = mkdtempSync(join(tmpdir(), 'saga-browser-'));
    this.context = await chromium.launchPersistentContext(this.profile, {
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
      args: ARGUMENTS, ...settings});
    this.context.setDefaultTimeout(LIMIT_MS);
    return this;
  }

  // A page at the address; page.faults is what it must not do.
  async page(url, faultsExpected = /^$/) {
    const page = await this.context.newPage();
    const {origin} = new URL(url);
    page.faults = [];
    const fault = (words) => {
      if (!faultsExpected.test(words)) page.faults.push(words);
    };
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) {
        fault(`console: ${message.text()} ${message.location().url}`);
      }
    });
    page.on('pageerror', (error) => fault(`error: ${error.stack}`));
    page.on('request', (request) => {
      if (!request.url().startsWith(`${origin}/`)) {
        fault(`request to ${request.url()}`);
      }
    });
    await page.goto(url);
    return page;
  }

  async close() {
    await this.context?.close();
    if (this.profile) rmSync(this.profile, {recursive: true, force: true});
  }
}
