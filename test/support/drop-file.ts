import type { Page } from 'playwright-core';

/** Drops a file on a page as a hand does. */
export async function dropFile(page: Page, name: string, type: string, bytes: Buffer): Promise<void> {
  const [content, named, typed] = [[...bytes], name, { type }].map((part) => JSON.stringify(part));
  const transfer = await page.evaluateHandle(
    `(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(${content})], ${named}, ${typed}));
      return transfer;
    })()`,
  );
  await page.dispatchEvent('body', 'dragover', { dataTransfer: transfer });
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
}
