import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { isAddressAllowed, portOf, refuseAddress, type AllowedRange } from './image-address.js';

/** Finds the addresses of a host name; rejects where there are none. */
export type ResolveHost = (hostname: string) => Promise<readonly LookupAddress[]>;

/** A host name resolves to an address that may not be fetched from. */
export class BlockedAddressError extends Error {
  override readonly name = 'BlockedAddressError';
}

export interface ImageAgentOptions {
  readonly allowed: readonly AllowedRange[];
  /** How long a connection may take, and a server to send headers or the next bytes. */
  readonly timeoutMs: number;
  readonly resolveHost: ResolveHost;
}

const longestIdleMs = 10_000;

/**
 * An HTTP agent that connects to public and allowed addresses only. It judges the very addresses that it then
 * connects to, so that a host name cannot first resolve to a public one and then to another (DNS rebinding).
 * One refused address refuses the host. A host that is an IP address is never looked up: the caller judges it.
 * Redirects are not followed and contents not decoded.
 */
export function createImageAgent({ allowed, timeoutMs, resolveHost }: ImageAgentOptions): Agent {
  const connectors = new Map<number, buildConnector.connector>();

  return new Agent({
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    // A server may ask for its connection to be kept; many hosts that ask for ten minutes would pile up sockets.
    keepAliveMaxTimeout: longestIdleMs,
    connect(options, callback) {
      const port = portOf(options);
      const connector = connectors.get(port) ?? createConnector(port);
      connectors.set(port, connector);
      connector(options, callback);
    },
  });

  /** A lookup is not told the port it is for: each of the few ports there can be has its own. */
  function createConnector(port: number): buildConnector.connector {
    const lookup: LookupFunction = (hostname, _, callback) => {
      resolveHost(hostname).then(
        (addresses) => {
          const refused = addresses.find(({ address }) => !isAddressAllowed(address, port, allowed));
          if (refused === undefined) return callback(null, [...addresses]);
          callback(new BlockedAddressError(`${hostname}: ${refuseAddress(refused.address, port)}`), []);
        },
        (error: unknown) => callback(error as NodeJS.ErrnoException, []),
      );
    };
    // With the automatic choice of the family Node asks a lookup for all addresses.
    return buildConnector({ timeout: timeoutMs, autoSelectFamily: true, lookup });
  }
}
