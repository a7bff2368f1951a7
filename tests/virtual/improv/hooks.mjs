// improv-wifi-serial-sdk is written for bundlers: imports without an extension, and no "type" in its
// package.json. These hooks let Node load the files as they are.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (specifier.startsWith(".") && !specifier.endsWith(".js")) {
      return next(specifier + ".js", context);
    }
    throw error;
  }
}

export async function load(url, context, next) {
  if (url.startsWith("file:") && url.endsWith(".js")) {
    return { format: "module", source: readFileSync(fileURLToPath(url)), shortCircuit: true };
  }
  return next(url, context);
}
