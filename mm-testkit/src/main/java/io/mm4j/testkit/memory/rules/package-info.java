// SPDX-License-Identifier: Apache-2.0

/** The rules of the SPI {@code physical-memory}: bytes and frames beside a model. */
@NullMarked
package io.mm4j.testkit.memory.rules;

import org.jspecify.annotations.NullMarked;
