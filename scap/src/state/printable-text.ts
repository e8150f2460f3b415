/**
 * What may stand in names and in lines of output: control characters and those that Unicode reserves become U+FFFD, as Falco
 * does. Bytes that are no UTF-8 became that when they were decoded.
 */
const UNPRINTABLE = /[\p{Cc}\p{Noncharacter_Code_Point}]/gu;

export function printableText(text: string): string {
  return isPlain(text) ? text : text.replace(UNPRINTABLE, '\ufffd');
}

function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}
