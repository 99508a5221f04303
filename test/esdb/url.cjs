/** Ends the run at once where there is nothing to run it on: a test that is skipped says nothing. */
module.exports = async function requireUrl() {
  if (/^esdb(\+discover)?:\/\//.test(process.env.ESDB_URL ?? '')) return;
  throw new Error(
    'ESDB_URL is not set: npm run test:esdb needs the connection string of an EventStoreDB that may be written to, esdb://user:password@host:2113?tls=true. It may hold other streams; CONTRIBUTING.md says more.',
  );
};

if (require.main === module)
  module.exports().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
