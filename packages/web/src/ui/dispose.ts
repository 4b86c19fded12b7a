// Imported first: not every browser has these symbols yet, and `using` is compiled to code that needs them.
const symbols = Symbol as unknown as Record<'dispose' | 'asyncDispose', symbol>;
symbols.dispose ??= Symbol('Symbol.dispose');
symbols.asyncDispose ??= Symbol('Symbol.asyncDispose');
