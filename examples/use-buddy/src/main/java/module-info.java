// SPDX-License-Identifier: Apache-2.0

/** A program with mm-buddy. */
module org.example.usebuddy {
  requires io.mm4j.api;
}
