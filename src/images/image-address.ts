import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Addresses and ports that may be fetched from though they are not public. */
export interface AllowedRange {
  readonly address: Address;
  /** How many leading bits of the address count. */
  readonly prefix: number;
  readonly ports: readonly number[];
}

const webPorts: readonly number[] = [80, 443];

/**
 * The global unicast addresses that IANA has opened so far. Addresses outside it pass as unicast in ipaddr.js
 * where no RFC names them; among them are the old spellings of IPv4 addresses ("::127.0.0.1").
 */
const globalIpv6 = ipaddr.IPv6.parseCIDR('2000::/3');

const form = /^(?:\[(?<ipv6>[^\]]+)\]|(?<ipv4>[\d.]+))(?:\/(?<prefix>\d{1,3}))?(?::(?<port>\d{1,5}))?$/;

/**
 * Reads an exception to the rule that only public addresses are fetched: an address or a range with a port
 * ("127.0.0.1:8080", "10.0.0.0/8:80", "[::1]:9000", "[fd00::]/8:80"); without one ports 80 and 443 are meant.
 *
 * @throws Error that says what is wrong, for the one who wrote the configuration.
 */
export function parseAllowed(entry: string): AllowedRange {
  const parts = form.exec(entry)?.groups;
  if (parts === undefined) {
    throw new Error(`"${entry}" is no address or range of the form 10.0.0.0/8:80 or [::1]:8080`);
  }
  const address = parseHost(entry, parts['ipv4'], parts['ipv6']);
  const bits = address.kind() === 'ipv4' ? 32 : 128;
  const prefix = Number(parts['prefix'] ?? bits);
  if (prefix > bits) throw new Error(`"${entry}" has a range of /${prefix}, where /${bits} is the most`);
  if (parts['port'] === undefined) return { address, prefix, ports: webPorts };
  const port = Number(parts['port']);
  if (port < 1 || port > 65_535) throw new Error(`"${entry}" has port ${port}: ports are 1 to 65535`);
  return { address, prefix, ports: [port] };
}

function parseHost(entry: string, ipv4: string | undefined, ipv6 = ''): Address {
  if (ipv4 !== undefined) {
    if (!ipaddr.IPv4.isValidFourPartDecimal(ipv4)) throw new Error(`"${entry}": ${ipv4} is no IPv4 address`);
    return ipaddr.IPv4.parse(ipv4);
  }
  if (!ipaddr.IPv6.isValid(ipv6)) throw new Error(`"${entry}": ${ipv6} is no IPv6 address`);
  const address = ipaddr.IPv6.parse(ipv6);
  if (!address.isIPv4MappedAddress()) return address;
  throw new Error(`"${entry}" is an IPv4 address in IPv6: write ${address.toIPv4Address().toString()}`);
}

/** Whether any address may be fetched from at this port. */
export function isPortAllowed(port: number, allowed: readonly AllowedRange[]): boolean {
  return webPorts.includes(port) || allowed.some(({ ports }) => ports.includes(port));
}

/** Whether an IP address, in any spelling of it, may be fetched from at this port; what is none may not. */
export function isAddressAllowed(text: string, port: number, allowed: readonly AllowedRange[]): boolean {
  if (!ipaddr.isValid(text)) return false;
  // An IPv4 address in IPv6 is judged as what it stands for.
  const address = ipaddr.process(text);
  if (webPorts.includes(port) && isPublic(address)) return true;
  return allowed.some((range) => range.ports.includes(port) && lies(address, range));
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || address.match(globalIpv6);
}

function lies(address: Address, range: AllowedRange): boolean {
  return address.kind() === range.address.kind() && address.match(range.address, range.prefix);
}

/**
 * Why a URL is not fetched from, as far as the URL itself tells: another scheme than http and https, another
 * port than the web's, credentials, or an IP address that is not public.
 *
 * @returns `undefined` where nothing speaks against it; what its host name resolves to is still to be judged.
 */
export function refuseUrl(url: URL, allowed: readonly AllowedRange[]): string | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return `the scheme "${url.protocol}" is not fetched`;
  }
  if (url.username !== '' || url.password !== '') return 'the URL holds credentials';
  const port = portOf(url);
  if (!isPortAllowed(port, allowed)) return `port ${port} is not fetched from`;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // URL has brought every spelling of an IPv4 address (2130706433, 0x7f.1) to its four decimal parts.
  if (ipaddr.isValid(host) && !isAddressAllowed(host, port, allowed)) return refuseAddress(host, port);
  return undefined;
}

export function refuseAddress(address: string, port: number): string {
  return `${address} is not a public address${webPorts.includes(port) ? '' : ` with a web port (${port})`}`;
}

export function portOf({ protocol, port }: Pick<URL, 'protocol' | 'port'>): number {
  if (port !== '') return Number(port);
  return protocol === 'https:' ? 443 : 80;
}
