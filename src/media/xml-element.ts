/** An XML element with its attributes escaped, its children (already XML) indented below it. */
export function element(
  name: string,
  attributes: Record<string, string | number>,
  children: readonly string[] = [],
): string {
  const head = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`)
    .join('');
  if (children.length === 0) return `<${name}${head}/>`;
  const body = children.join('\n').replaceAll('\n', '\n  ');
  return `<${name}${head}>\n  ${body}\n</${name}>`;
}

/** Text as XML content or an attribute's value. */
export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
