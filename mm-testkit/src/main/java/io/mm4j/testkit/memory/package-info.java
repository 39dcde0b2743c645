// SPDX-License-Identifier: Apache-2.0

/** The rules of the SPI {@code physical-memory}: bytes and frames beside a model. */
@NullMarked
package io.mm4j.testkit.memory;

import org.jspecify.annotations.NullMarked;
