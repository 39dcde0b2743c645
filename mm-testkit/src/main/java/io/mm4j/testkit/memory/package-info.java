// SPDX-License-Identifier: Apache-2.0

/** The suite of the SPI {@code physical-memory}. */
@NullMarked
package io.mm4j.testkit.memory;

import org.jspecify.annotations.NullMarked;
