// SPDX-License-Identifier: Apache-2.0

/** A program with mm-slab. */
module org.example.useslab {
  requires io.mm4j.api;
}
