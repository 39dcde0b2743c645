// SPDX-License-Identifier: Apache-2.0

/**
 * The rules of the SPI {@code page-allocator}, on small machines with two nodes, and beside the
 * model.
 */
@NullMarked
package io.mm4j.testkit.pages.rules;

import org.jspecify.annotations.NullMarked;
