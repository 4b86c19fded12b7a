// The door for servers. What runs in a browser is bundled into dist/page and never imported in Node.

/** The folder of the page's files, as `npm run build` makes it: `index.html`, and others whose names hold a hash. */
export const pageFolder = new URL('./page/', import.meta.url);
