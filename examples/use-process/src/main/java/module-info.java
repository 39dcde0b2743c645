// SPDX-License-Identifier: Apache-2.0

/** A program with mm-process. */
module org.example.useprocess {
  requires io.mm4j.api;
}
