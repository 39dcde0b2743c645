// SPDX-License-Identifier: Apache-2.0

/** A program that uses mm-buddy. */
package org.example.usebuddy;
