import type { ConfigurationFault } from '../domain/errors.js';

/** Which setting keeps the server from listening and what to do, for the faults that a user can correct. */
export function listenFault(error: unknown, host: string, port: number): ConfigurationFault | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return {
        key: 'web.port',
        problem: `${port} is in use on ${host}: stop what uses it or choose another (0: any)`,
      };
    case 'EACCES':
      return { key: 'web.port', problem: `${port} may not be used by this user: choose one above 1023` };
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        key: 'web.host',
        problem: `${host} is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all`,
      };
    default:
      return undefined;
  }
}
