/** Writes graphs in ONNX's file format. */

import { bytesField, float32Field, message, stringField, varintField } from "./protobuf.mjs";

/** The first version of the operators that has LayerNormalization. */
const OPERATOR_SET = 17;
/** The version of the file format that came with it. */
const FORMAT_VERSION = 8;
/** ONNX's numbers for element types. */
const FLOAT32 = 1;
const UINT8 = 2;
const INT64 = 7;
/** ONNX's numbers for types of attributes. */
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INTEGER = 2;
const ATTRIBUTE_INTEGERS = 7;
/** Operators that ONNX Runtime has besides ONNX's. */
const MICROSOFT = "com.microsoft";

/** A number that is written as a float even where it is whole. */
export class Float {
  constructor(/** @type {number} */ value) {
    this.value = value;
  }
}

/** A graph of ONNX that is being written. Each of its methods gives the name of a value. */
export class Graph {
  #nodes = [];
  #constants = new Map();

  /** @returns {string} The name of the operator's result. */
  node(operator, inputs, attributes = {}, output = `${operator}_${this.#nodes.length}`) {
    return this.#add("", operator, inputs, attributes, output);
  }

  /** One of ONNX Runtime's own operators. */
  ownNode(operator, inputs, attributes, output) {
    return this.#add(MICROSOFT, operator, inputs, attributes, output);
  }

  /** @returns {string} */
  constant(name, shape, values) {
    return this.#keep(name, shape, FLOAT32, values);
  }

  bytes(name, shape, values) {
    return this.#keep(name, shape, UINT8, values);
  }

  scalar(value) {
    return this.constant(`scalar_${value}`, [], Float32Array.of(value));
  }

  integers(shape, values) {
    return this.#keep(`integers_${shape.length}_${values.join("_")}`, shape, INT64, BigInt64Array.from(values, BigInt));
  }

  reshaped(input, shape) {
    return this.node("Reshape", [input, this.integers([shape.length], shape)]);
  }

  /** @returns {Uint8Array} */
  model(inputs, outputs) {
    const graph = message([
      ...this.#nodes.map((node) => bytesField(1, node)),
      stringField(2, "clip-ttl"),
      ...[...this.#constants.values()].map((tensor) => bytesField(5, tensor)),
      ...Object.entries(inputs).map(([name, shape]) => bytesField(11, valueInformation(name, shape))),
      ...Object.entries(outputs).map(([name, shape]) => bytesField(12, valueInformation(name, shape))),
    ]);
    const operators = [
      ["", OPERATOR_SET],
      [MICROSOFT, 1],
    ].map(([domain, version]) => bytesField(8, message([stringField(1, domain), varintField(2, version)])));
    return message([varintField(1, FORMAT_VERSION), stringField(2, "clip-ttl"), bytesField(7, graph), ...operators]);
  }

  #add(domain, operator, inputs, attributes, output) {
    const fields = [
      ...inputs.map((input) => stringField(1, input)),
      stringField(2, output),
      stringField(3, output),
      stringField(4, operator),
      ...Object.entries(attributes).map(([name, value]) => bytesField(5, attribute(name, value))),
      stringField(7, domain),
    ];
    this.#nodes.push(message(fields));
    return output;
  }

  #keep(name, shape, type, values) {
    if (!this.#constants.has(name)) {
      const count = shape.reduce((product, size) => product * size, 1);
      if (count !== values.length) {
        throw new Error(`${name}: ${values.length} values are no ${shape.join(" x ")}`);
      }
      const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      const fields = [...shape.map((size) => varintField(1, size)), varintField(2, type), stringField(8, name), bytesField(9, raw)];
      this.#constants.set(name, message(fields));
    }
    return name;
  }
}

/** @param {number | number[] | Float} value */
function attribute(name, value) {
  if (value instanceof Float) {
    return message([stringField(1, name), float32Field(2, value.value), varintField(20, ATTRIBUTE_FLOAT)]);
  }
  if (Array.isArray(value)) {
    return message([stringField(1, name), ...value.map((item) => varintField(8, item)), varintField(20, ATTRIBUTE_INTEGERS)]);
  }
  return message([stringField(1, name), varintField(3, value), varintField(20, ATTRIBUTE_INTEGER)]);
}

function valueInformation(name, shape) {
  const dimensions = message(shape.map((size) => bytesField(1, message([varintField(1, size)]))));
  const tensorType = message([varintField(1, FLOAT32), bytesField(2, dimensions)]);
  return message([stringField(1, name), bytesField(2, message([bytesField(1, tensorType)]))]);
}
