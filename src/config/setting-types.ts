import { z } from 'zod';
import { Secret } from './secret.js';
import { parseAllowed } from '../images/image-address.js';

export const count = (least: number, most: number) => z.int().min(least).max(most);
/** A number, or `auto`: then the agent finds one. */
export const orAuto = (type: z.ZodInt) => z.union([z.literal('auto'), type], 'give auto or a whole number');
export const milliseconds = count(1, 3_600_000);
const isPort = (number: number): boolean => number >= 1 && number <= 65_535;
export const name = z.string().min(1);
export const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));
export const topic = z
  .string()
  .regex(/^[a-zA-Z0-9._-]{1,249}$/, 'not a topic name (letters, digits, ".", "_", "-", at most 249)');
export const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}$/, 'not an address of the form host:port')
  .refine((text) => isPort(Number(text.slice(text.lastIndexOf(':') + 1))), 'its port is not from 1 to 65535');

export const hostName = z.string().regex(/^[a-zA-Z0-9._-]+$/, 'not a host name (without scheme and port)');

/** A language by its primary subtag: whatever follows it in a setting or a post makes no difference. */
export const language = z
  .string()
  .regex(/^[a-zA-Z]{2,3}([-_][a-zA-Z0-9]+)*$/, 'not a language tag such as "en" or "pt-BR"')
  .overwrite((tag) => tag.toLowerCase().split(/[-_]/)[0] ?? tag);

export const token = z
  .string()
  .min(16, 'is shorter than 16 characters: take a random one, such as "openssl rand -hex 16" prints')
  .regex(/^[!-~]*$/, 'has a blank or a letter beyond ASCII, which not every client sends alike')
  .transform((value) => new Secret(value));

export const allowedRange = name.superRefine((entry, context) => {
  try {
    parseAllowed(entry);
  } catch (error) {
    context.addIssue((error as Error).message);
  }
});
