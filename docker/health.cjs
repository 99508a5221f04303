// The health check of the image, for both programs: whether /healthz answers with 200 where this container listens.
const http = require('node:http');
const https = require('node:https');

const { GATEHOUSE_HTTP: address = '127.0.0.1:8080', GATEHOUSE_TLS_CERT: certificate } = process.env;

/** Its own door is asked, on this machine: whose certificate it shows is for clients to judge. */
function alive(protocol, { get }) {
  return new Promise((resolve) => {
    get(`${protocol}://${address}/healthz`, { rejectUnauthorized: false }, ({ statusCode }) =>
      resolve(statusCode === 200),
    ).on('error', () => resolve(false));
  });
}

async function check() {
  // The door of a worker speaks no TLS, whatever is set.
  const answers = (certificate && (await alive('https', https))) || (await alive('http', http));
  process.exit(answers ? 0 : 1);
}

void check();
