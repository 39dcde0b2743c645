// SPDX-License-Identifier: Apache-2.0

/** The suites of the kit, by SPI: where a driver begins. */
@NullMarked
package io.mm4j.testkit.suites;

import org.jspecify.annotations.NullMarked;
