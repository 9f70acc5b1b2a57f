// Compiles solidity/ with the pinned solc and OpenZeppelin, and writes artefacts/ (or with --check compares them byte
// for byte). `npm ci` first; no network after that.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const solc = createRequire(import.meta.url)("solc");
const check = process.argv.includes("--check");
/** EIP-170: longest runtime code, in bytes. */
const MAX_CODE = 24576;

const settings = {
  optimizer: { enabled: true, runs: 1000000 },
  viaIR: true,
  evmVersion: "cancun",
  // Nothing in the code but code: the same sources give the same bytes.
  metadata: { bytecodeHash: "none", appendCBOR: false },
  outputSelection: {
    "*": {
      "": ["ast"],
      "*": [
        "abi",
        "evm.bytecode.object",
        "evm.deployedBytecode.object",
        "evm.deployedBytecode.immutableReferences",
        "userdoc",
      ],
    },
  },
};

const sources = (folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".sol"))
    .map((name) => join(folder, name));

const read = (path) => {
  const file = path.startsWith("@") ? join(root, "node_modules", path) : join(root, path);
  return readFileSync(file, "utf8");
};

function compile() {
  const files = [...sources("solidity"), ...sources("solidity/test")].sort();
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(files.map((path) => [path, { content: read(path) }])),
    settings,
  };
  const imports = (path) => {
    try {
      return { contents: read(path) };
    } catch (error) {
      return { error: String(error) };
    }
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: imports }));
  // A warning is a defect too, but for the one that every use of transient storage gives.
  const problems = (output.errors ?? []).filter((problem) => problem.errorCode !== "2394");
  for (const problem of problems) console.error(problem.formattedMessage);
  if (problems.length > 0) process.exit(1);
  return output;
}

/** Names of immutables by the numbers that the compiler gives them. */
function immutableNames(node, names = {}) {
  if (node === null || typeof node !== "object") return names;
  if (node.nodeType === "VariableDeclaration" && node.mutability === "immutable") names[node.id] = node.name;
  for (const child of Object.values(node)) immutableNames(child, names);
  return names;
}

/** Where in the runtime code which immutable stands, 32 bytes each. */
function immutablesOf({ immutableReferences = {} }, names) {
  const places = Object.entries(immutableReferences).map(([id, list]) => [names[id], list.map(({ start }) => start)]);
  return Object.fromEntries(places.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Errors of OpenZeppelin, which documents them as @dev. */
const FOREIGN = ["FailedCall", "InsufficientBalance", "ReentrancyGuardReentrantCall", "SafeERC20FailedOperation"];

/** Every function, event and error of the ABI has its notice. */
function undocumented(path, contract) {
  const { methods = {}, events = {}, errors = {} } = contract.userdoc;
  const has = { function: methods, event: events, error: errors };
  const type = (input) =>
    input.type.startsWith("tuple")
      ? `(${input.components.map(type).join(",")})${input.type.slice("tuple".length)}`
      : input.type;
  return contract.abi
    .filter((item) => Object.hasOwn(has, item.type) && !FOREIGN.includes(item.name))
    .map((item) => [item, `${item.name}(${item.inputs.map(type).join(",")})`])
    .filter(([item, signature]) => !(signature in has[item.type]))
    .map(([, signature]) => `${path}: no @notice: ${signature}`);
}

/** An artefact for each contract that can be deployed. */
function artefacts({ contracts, sources: trees }) {
  const out = {};
  const immutables = immutableNames(Object.values(trees).map((source) => source.ast));
  for (const [path, names] of Object.entries(contracts)) {
    if (!path.startsWith("solidity/")) continue;
    for (const [name, contract] of Object.entries(names)) {
      const { bytecode, deployedBytecode } = contract.evm;
      const isTest = path.startsWith("solidity/test/");
      // Interfaces have no code, libraries (all of them internal) no functions.
      if (bytecode.object === "" || !contract.abi.some((item) => item.type === "function")) continue;
      const size = deployedBytecode.object.length / 2;
      console.log(`${name}: ${size} bytes`);
      if (size > MAX_CODE) throw new Error(`${name}: expected at most ${MAX_CODE} bytes of code, got ${size}`);
      if (!isTest) {
        const missing = undocumented(path, contract);
        if (missing.length > 0) throw new Error(missing.join("\n"));
      }
      const artefact = {
        contractName: name,
        compiler: solc.version(),
        abi: contract.abi,
        bytecode: { object: `0x${bytecode.object}` },
        deployedBytecode: { object: `0x${deployedBytecode.object}` },
        immutables: immutablesOf(deployedBytecode, immutables),
      };
      out[join("artefacts", isTest ? "test" : "", `${name}.json`)] = `${JSON.stringify(artefact, null, 1)}\n`;
    }
  }
  return out;
}

const built = artefacts(compile());
const there = ["artefacts", "artefacts/test"]
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((path) => path.endsWith(".json"));
if (check) {
  const differs = Object.keys(built).filter(
    (path) => !existsSync(join(root, path)) || readFileSync(join(root, path), "utf8") !== built[path],
  );
  const extra = there.filter((path) => !(path in built));
  for (const path of differs) console.error(`${path}: not what the sources give; run node build.mjs`);
  for (const path of extra) console.error(`${path}: no source ${basename(path)} gives it`);
  process.exit(differs.length + extra.length === 0 ? 0 : 1);
}
for (const [path, text] of Object.entries(built)) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
