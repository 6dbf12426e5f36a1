import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAddressAllowed, parseAllowed, refuseUrl } from '../../src/images/image-address.js';

const refuse = (url: string, ...allow: string[]) => refuseUrl(new URL(url), allow.map(parseAllowed));

describe('refuseUrl', () => {
  it.each([
    'http://example.com/a.jpg',
    'https://example.com/a.jpg',
    'https://example.com:443/a.jpg',
    'http://example.com:443/a.jpg',
    'http://93.184.215.14/a.jpg',
    'https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/a.jpg',
  ])('has nothing against %s', (url) => {
    expect(refuse(url)).toBeUndefined();
  });

  it.each([
    ['file:///etc/passwd', 'scheme'],
    ['ftp://example.com/a.jpg', 'scheme'],
    ['gopher://127.0.0.1:70/', 'scheme'],
    ['https://user@example.com/', 'credentials'],
    ['https://:password@example.com/', 'credentials'],
    ['http://example.com:8080/', 'port 8080'],
    ['http://example.com:22/', 'port 22'],
    ['https://example.com:0/', 'port 0'],
    ['http://127.0.0.1/', '127.0.0.1 is not a public address'],
    ['http://127.1/', '127.0.0.1'],
    ['http://2130706433/', '127.0.0.1'],
    ['http://0x7f.1/', '127.0.0.1'],
    ['http://0177.0.0.01/', '127.0.0.1'],
    ['http://%31%32%37.0.0.1/', '127.0.0.1'],
    ['http://①②⑦.0.0.1/', '127.0.0.1'],
    ['http://127。0。0。1/', '127.0.0.1'],
    ['http://0/', '0.0.0.0'],
    ['http://169.254.169.254/latest/meta-data/', '169.254.169.254'],
    ['http://100.64.0.1/', '100.64.0.1'],
    ['http://224.0.0.1/', '224.0.0.1'],
    ['http://255.255.255.255/', '255.255.255.255'],
    ['http://[::]/', '::'],
    ['http://[::1]/', '::1'],
    ['http://[::ffff:127.0.0.1]/', '::ffff:7f00:1'],
    ['http://[::ffff:0:127.0.0.1]/', '::ffff:0:7f00:1'],
    ['http://[::127.0.0.1]/', '::7f00:1'],
    ['http://[64:ff9b::10.0.0.1]/', '64:ff9b::a00:1'],
    ['http://[2002:7f00:1::]/', '2002:7f00:1::'],
    ['http://[fe80::1]/', 'fe80::1'],
    ['http://[fd00::1]/', 'fd00::1'],
    ['http://[fec0::1]/', 'fec0::1'],
    ['http://[ff02::1]/', 'ff02::1'],
    ['http://[2001:db8::1]/', '2001:db8::1'],
    ['http://[4000::1]/', '4000::1'],
  ])('refuses %s', (url, why) => {
    expect(refuse(url)).toContain(why);
  });

  it('takes an allowed address at its allowed port only', () => {
    expect(refuse('http://127.0.0.1:8080/', '127.0.0.1:8080')).toBeUndefined();
    expect(refuse('http://[::1]:9000/', '[::1]:9000')).toBeUndefined();
    expect(refuse('http://127.0.0.1:8081/', '127.0.0.1:8080')).toContain('port 8081');
    expect(refuse('http://127.0.0.1/', '127.0.0.1:8080')).toContain('127.0.0.1');
    expect(refuse('http://127.0.0.2:8080/', '127.0.0.1:8080')).toContain('127.0.0.2');
    expect(refuse('http://[::1]:8080/', '127.0.0.1:8080')).toContain('::1');
    expect(refuse('http://93.184.215.14:8080/', '127.0.0.1:8080')).toContain('93.184.215.14');
  });

  it('takes no credentials and no other scheme to an allowed address', () => {
    expect(refuse('http://user@127.0.0.1:8080/', '127.0.0.1:8080')).toContain('credentials');
    expect(refuse('ftp://127.0.0.1:8080/', '127.0.0.1:8080')).toContain('scheme');
  });
});

describe('addresses that are not public', () => {
  const ranges = [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
  ] as const;
  const octets = (address: number) => [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff);
  const decimal = (address: number) => octets(address).join('.');
  const hex = (number: number) => number.toString(16);
  const toNumber = (text: string) => text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const inner = fc
    .tuple(fc.constantFrom(...ranges), fc.nat(2 ** 32 - 1))
    .map(([[start, prefix], random]) => (toNumber(start) + (random % 2 ** (32 - prefix))) >>> 0);

  const spellings: readonly ((address: number) => string)[] = [
    decimal,
    (address) => String(address),
    (address) => `0x${hex(address)}`,
    (address) => `0${address.toString(8)}`,
    (address) =>
      octets(address)
        .map((octet) => `0x${hex(octet)}`)
        .join('.'),
    (address) =>
      octets(address)
        .map((octet) => `0${octet.toString(8)}`)
        .join('.'),
    (address) => `${address >>> 24}.${address & 0xffffff}`,
    (address) => `${decimal(address)}.`,
    (address) => `[::ffff:${decimal(address)}]`,
    (address) => `[0:0:0:0:0:FFFF:${hex(address >>> 16)}:${hex(address & 0xffff)}]`,
    (address) => `[::${decimal(address)}]`,
    (address) => `[64:ff9b::${decimal(address)}]`,
    (address) => `[2002:${hex(address >>> 16)}:${hex(address & 0xffff)}::1]`,
  ];

  it('are refused in every spelling of a URL', () => {
    fc.assert(
      fc.property(inner, fc.constantFrom(...spellings), (address, spell) => {
        expect(refuse(`http://${spell(address)}/a.jpg`)).toMatch(/is not a public address$/);
      }),
      { numRuns: 1_000 },
    );
  });

  it('are refused as what a host name resolves to, until a range allows them', () => {
    fc.assert(
      fc.property(inner, fc.constantFrom(80, 443, 8080), (address, port) => {
        const text = decimal(address);
        const allowed = [parseAllowed(`${text}/24:${port}`)];
        expect(isAddressAllowed(text, port, [])).toBe(false);
        expect(isAddressAllowed(text, port, allowed)).toBe(true);
        expect(isAddressAllowed(`::ffff:${text}`, port, allowed)).toBe(true);
        expect(isAddressAllowed(text, port + 1, allowed)).toBe(false);
      }),
    );
  });

  it('are refused in the local ranges of IPv6', () => {
    const group = fc.nat(0xffff).map(hex);
    const local = fc
      .tuple(
        fc.constantFrom('fc00', 'fdff', 'fe80', 'febf', 'fec0', 'feff', 'ff00', 'ffff'),
        fc.array(group, { minLength: 7, maxLength: 7 }),
      )
      .map(([first, rest]) => [first, ...rest].join(':'));
    fc.assert(
      fc.property(local, (address) => {
        expect(isAddressAllowed(address, 443, [])).toBe(false);
      }),
    );
  });

  it('include whatever is no address at all', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(isAddressAllowed(`x${text}`, 80, [])).toBe(false);
      }),
    );
  });
});

describe('parseAllowed', () => {
  it('means the ports of the web where none is named', () => {
    const allowed = [parseAllowed('10.0.0.0/8'), parseAllowed('[fd00::]/8')];
    for (const [address, port, expected] of [
      ['10.1.2.3', 80, true],
      ['10.1.2.3', 443, true],
      ['10.1.2.3', 8080, false],
      ['11.1.2.3', 8080, false],
      ['fd12::1', 443, true],
      ['fe80::1', 443, false],
    ] as const) {
      expect(isAddressAllowed(address, port, allowed), `${address} at ${port}`).toBe(expected);
    }
  });

  it.each([
    ['', 'is no address or range of the form'],
    ['localhost:80', 'is no address or range of the form'],
    ['http://127.0.0.1:80', 'is no address or range of the form'],
    ['::1', 'is no address or range of the form'],
    ['127.0.0.1:', 'is no address or range of the form'],
    ['127.0.0.1:80:90', 'is no address or range of the form'],
    ['10.0.0.0/8/8', 'is no address or range of the form'],
    ['127.1:80', '127.1 is no IPv4 address'],
    ['256.0.0.1:80', '256.0.0.1 is no IPv4 address'],
    ['[::g]:80', '::g is no IPv6 address'],
    ['[127.0.0.1]:80', '127.0.0.1 is no IPv6 address'],
    ['[::ffff:10.0.0.1]:80', 'write 10.0.0.1'],
    ['10.0.0.0/33:80', '/32 is the most'],
    ['[fd00::]/129:80', '/128 is the most'],
    ['127.0.0.1:0', 'ports are 1 to 65535'],
    ['127.0.0.1:65536', 'ports are 1 to 65535'],
  ])('says what is wrong with "%s"', (entry, message) => {
    expect(() => parseAllowed(entry)).toThrow(message);
    expect(() => parseAllowed(entry)).toThrow(`"${entry}"`);
  });
});
