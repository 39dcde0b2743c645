// SPDX-License-Identifier: Apache-2.0

/** A program with mm-vmalloc. */
module org.example.usevmalloc {
  requires io.mm4j.api;
}
