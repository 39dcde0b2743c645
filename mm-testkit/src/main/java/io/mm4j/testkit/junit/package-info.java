// SPDX-License-Identifier: Apache-2.0

/**
 * The driver for JUnit 5, which is an optional dependency: a test class extends {@link
 * io.mm4j.testkit.junit.PluginSuite} and names its SPI.
 */
@NullMarked
package io.mm4j.testkit.junit;

import org.jspecify.annotations.NullMarked;
