// SPDX-License-Identifier: Apache-2.0

/** A program with mm-physical. */
module org.example.usephysical {
  requires io.mm4j.api;
}
