// Package grammar holds a model's answer to a shape: a JSON Schema, any JSON
// object, or calls of tools in the form that a model family writes them.
//
// A schema is compiled to a pushdown automaton over bytes. A State follows one
// answer through it, and says as a mask over the vocabulary which tokens can
// come next: those whose bytes the automaton can take. The text of special
// tokens never counts as bytes; such a token passes only where the grammar
// names it. DESIGN.md argues the choices.
//
// # What of JSON Schema is kept
//
// type (also a list), properties, required, additionalProperties, items,
// minItems, maxItems, minLength, maxLength, pattern, format (date, time,
// date-time, duration, email, ipv4, uuid), minimum, maximum and their
// exclusive forms, multipleOf 1, enum, const, anyOf, allOf of one, $ref within the document
// (recursive too), $defs and definitions. That is what OpenAI's structured
// outputs document, and what its tools need. A keyword that restricts and is
// not in the list is refused by its name; one that only describes is passed over.
//
// The automaton never allows more than the schema, and in these points less:
//
//   - properties come in the schema's order, additional ones behind them;
//   - an object with properties has no others unless additionalProperties says so;
//   - white space is at most one space, or a line break and up to 20 spaces;
//   - integers have up to 18 digits, other numbers up to 15 before the point
//     and 15 behind it, and an exponent of up to two digits;
//   - a number with bounds has no exponent;
//   - enum and const are written in one way, without white space;
//   - documents nest up to 100 deep.
//
// Names of additional properties are not kept from repeating.
package grammar
