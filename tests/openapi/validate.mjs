// validate.mjs FILE - says what Redocly finds wrong with a description of an
// API, a line each; exit code 1 if that is anything.

import {createConfig, lint} from '@redocly/openapi-core';

const config = await createConfig({
  extends: ['recommended-strict'],
  rules: {
    // Like the paths themselves: /orders/{id} and /orders/stream.
    'no-ambiguous-paths': 'off',
    // The source says nothing of a license.
    'info-license': 'off',
    'no-invalid-parameter-examples': 'error',
    'no-invalid-schema-examples': 'error',
  },
});
const problems = await lint({ref: process.argv[2], config});
for (const {ruleId, message, location} of problems) {
  console.log(`${location[0]?.pointer}: ${ruleId}: ${message}`);
}
process.exitCode = problems.length > 0 ? 1 : 0;
