import { mintPlatformKey } from '@gatehouse/identity';
import { runCommand, say } from './maintenance';

/** `npm run platform-key`: makes a platform key, and the hash of it that the service is told. Neither is kept anywhere. */
runCommand(() => {
  const { key, hash } = mintPlatformKey();
  say(
    `the platform key, shown this once: ${key}`,
    `for the service:                   GATEHOUSE_PLATFORM_KEY_HASH=${hash}`,
  );
});
